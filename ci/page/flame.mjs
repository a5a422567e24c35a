// The parts of d3-flame-graph and d3-selection that the page uses, for esbuild.
export { default as flamegraph } from "d3-flame-graph";
export { select } from "d3-selection";
