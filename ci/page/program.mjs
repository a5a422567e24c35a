// The program that serves the live page.
import { spawn } from "node:child_process";

const [program, port] = process.argv.slice(4);
export const endpoint = `http://127.0.0.1:${port}`;

const children = new Set();
/** Resolves when the program serves. */
export async function start() {
  const child = spawn(program, ["120"], { env: { ...process.env, LOCKPROF_SERVE: `127.0.0.1:${port}`, LOCKPROF: "exact" }, stdio: ["pipe", "ignore", "inherit"] });
  children.add(child);
  for (let i = 0; i < 100; i++) {
    if (child.exitCode !== null) break;
    if (await fetch(`${endpoint}/config`).then((r) => r.ok, () => false)) return child;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error(`the program does not serve, its exit code is ${child.exitCode}`);
}
export function stop(child) {
  children.delete(child);
  return new Promise((ended) => {
    child.on("exit", ended);
    child.kill("SIGKILL");
  });
}

/** Ends all that still run. */
export function stopAll() {
  for (const child of children) child.kill("SIGKILL");
}
