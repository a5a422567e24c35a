//! Shared by the side-by-side benches: their arguments, and their rows for people and for `report`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

/// The arguments of a side-by-side bench.
#[derive(Debug, Default)]
pub struct Args {
    /// Only show that it runs; the figures then mean nothing.
    pub smoke: bool,
    /// Where to append the rows, one JSON object per line.
    pub out: Option<PathBuf>,
    /// The other arguments, by name: `--threads 2,4`.
    others: Vec<(String, String)>,
}

impl Args {
    /// Parses the process's arguments. `known` names those with a value, besides `--out`.
    ///
    /// # Errors
    /// Names the unknown argument, or the one without a value.
    fn parse(known: &[&str]) -> Result<Self, String> {
        Self::from(std::env::args().skip(1), known)
    }

    fn from(mut args: impl Iterator<Item = String>, known: &[&str]) -> Result<Self, String> {
        let mut parsed = Args::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {} // cargo says so to every bench
                "--smoke" => parsed.smoke = true,
                name if name == "--out" || known.contains(&name) => {
                    let value = args.next().ok_or(format!("{name} needs a value"))?;
                    if name == "--out" {
                        parsed.out = Some(PathBuf::from(value));
                    } else {
                        parsed.others.push((name.to_owned(), value));
                    }
                }
                other => {
                    return Err(format!(
                        "unknown argument {other}; there are --smoke, --out FILE {}",
                        known.join(" ")
                    ));
                }
            }
        }
        Ok(parsed)
    }

    /// The numbers of a list such as `2,4`, or the default.
    ///
    /// # Errors
    /// Names what is not a number.
    pub fn numbers(&self, name: &str, default: &[u64]) -> Result<Vec<u64>, String> {
        let Some((_, list)) = self.others.iter().rev().find(|(other, _)| other == name) else {
            return Ok(default.to_vec());
        };
        list.split(',')
            .map(|one| match one.parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(format!("{name}: {one} is no number from 1")),
            })
            .collect()
    }

    /// The value of an argument, or the default.
    #[must_use]
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        let found = self.others.iter().rev().find(|(other, _)| other == name);
        found.map_or(default, |(_, value)| value)
    }

    /// Appends rows to the output file, if there is one.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn save(&self, rows: &[Value]) -> Result<(), String> {
        let Some(path) = &self.out else {
            return Ok(());
        };
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Runs a side-by-side bench with its arguments, and prints errors.
pub fn main(name: &str, known: &[&str], run: impl FnOnce(&Args) -> Result<(), String>) -> ExitCode {
    match Args::parse(known).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The machine behind the figures: the processor's name from Linux, and the number of processors.
#[must_use]
pub fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let name = lines.find(|(key, _)| key.trim() == "model name");
    let name = name.map_or("unknown processor", |(_, name)| name.trim());
    let number = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{name}, {number} processors")
}

/// The verdict on a figure that cannot be told from noise.
pub const NOT_RESOLVED: &str = "not resolved";

/// How far from 1 the ratio of the bare lock to itself may be.
pub const RESOLUTION: f64 = 0.02;

/// `PASS` or `missed`; `not resolved` if `noise`, the ratio of the bare lock to itself in the same
/// rounds, is more than [`RESOLUTION`] away from 1.
#[must_use]
pub fn verdict_within(noise: f64, pass: bool) -> &'static str {
    verdict_if(is_quiet(noise), pass)
}

/// Whether `noise`, the ratio of the bare lock to itself, is at most [`RESOLUTION`] away from 1.
#[must_use]
pub fn is_quiet(noise: f64) -> bool {
    // So written, it also refuses what is not a number.
    (noise - 1.0).abs() <= RESOLUTION
}

/// `PASS` or `missed`; [`NOT_RESOLVED`] unless `resolved`.
#[must_use]
pub fn verdict_if(resolved: bool, pass: bool) -> &'static str {
    if resolved {
        verdict(pass)
    } else {
        NOT_RESOLVED
    }
}

/// `PASS` or `missed`.
#[must_use]
pub fn verdict(pass: bool) -> &'static str {
    if pass { "PASS" } else { "missed" }
}

/// The median; NaN if empty.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Result<Args, String> {
        Args::from(args.split_whitespace().map(str::to_owned), &["--threads"])
    }

    #[test]
    fn arguments_are_read_or_named() {
        let args = parse("--bench --threads 2,4 --out rows").unwrap();
        assert!(!args.smoke);
        assert_eq!(args.numbers("--threads", &[1]).unwrap(), [2, 4]);
        assert_eq!(args.numbers("--hold", &[1]).unwrap(), [1]);
        assert_eq!(args.out, Some(PathBuf::from("rows")));
        for (args, message) in [
            ("--thread 2", "unknown argument --thread"),
            ("--threads", "--threads needs a value"),
            ("--out", "--out needs a value"),
        ] {
            assert!(parse(args).unwrap_err().starts_with(message), "{args}");
        }
        let none = parse("--threads 0").unwrap();
        assert!(none.numbers("--threads", &[]).is_err());
        let nonsense = parse("--threads 2,x").unwrap();
        assert_eq!(
            nonsense.numbers("--threads", &[]).unwrap_err(),
            "--threads: x is no number from 1"
        );
    }

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median(vec![3.0, 1.0, 90.0]), 3.0);
        assert!(median(Vec::new()).is_nan());
    }
}
