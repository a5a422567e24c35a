//! Draws the other benches' results: `docs/plots`. `ci/performance.sh` calls it.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench report -- --rows FILE --plots DIRECTORY
//! ```

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use nexus_lockprof_benches::results::{self, Args};
use plotters::prelude::*;
use serde_json::Value;

/// Labelled groups of labelled bars.
type Groups = Vec<(String, Vec<(String, f64)>)>;

const SIZE: (u32, u32) = (900, 420);
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x9A, 0xA5, 0xB1),
    RGBColor(0x4C, 0x78, 0xA8),
    RGBColor(0xF5, 0x85, 0x18),
    RGBColor(0x54, 0xA2, 0x4B),
    RGBColor(0xB2, 0x79, 0xA2),
    RGBColor(0xE4, 0x57, 0x56),
];

fn main() -> ExitCode {
    results::main("report", &["--rows", "--plots"], run)
}

fn run(args: &Args) -> Result<(), String> {
    if args.smoke {
        return draw(Vec::new(), &std::env::temp_dir());
    }
    let path = args.text("--rows", "rows.jsonl");
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let rows = text
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{path}: {error}")))
        .collect::<Result<Vec<Value>, _>>()?;
    let plots = Path::new(args.text("--plots", "docs/plots"));
    std::fs::create_dir_all(plots).map_err(|error| format!("{}: {error}", plots.display()))?;
    draw(rows, plots)
}

fn draw(rows: Vec<Value>, plots: &Path) -> Result<(), String> {
    let groups = |bench: &str, group: &[&str], bars: &[(&str, &str)]| -> Groups {
        let mut groups: Groups = Vec::new();
        for row in rows.iter().filter(|row| row["bench"] == bench) {
            let label: Vec<String> = group.iter().map(|&field| text(&row[field])).collect();
            let label = label.join(" ");
            let mut found: Vec<(String, f64)> = bars
                .iter()
                .map(|&(field, name)| {
                    let name = match name.strip_prefix('@') {
                        Some(field) => text(&row[field]),
                        None => name.to_owned(),
                    };
                    (name, row[field].as_f64().unwrap_or(0.0))
                })
                .collect();
            match groups.iter_mut().find(|(known, _)| *known == label) {
                Some((_, bars)) => bars.append(&mut found),
                None => groups.push((label, found)),
            }
        }
        groups
    };
    let percent = |mut groups: Groups| {
        let bars = groups.iter_mut().flat_map(|(_, bars)| bars);
        bars.for_each(|(_, value)| *value *= 100.0);
        groups
    };
    let exact = |(name, _): &(String, f64)| name != "exact";
    let mut overhead = groups("overhead", &["lock"], &[("ratio", "@mode")]);
    for (_, bars) in &mut overhead {
        bars.retain(exact);
    }
    for (file, title, unit, groups, line) in [
        (
            "overhead.svg",
            "Uncontended lock and unlock, over the bare lock's",
            "ratio",
            overhead,
            1.05,
        ),
        (
            "contended.svg",
            "Throughput of a contended mutex (threads, hold ns, gap ns), over the bare lock's",
            "ratio",
            groups(
                "contended",
                &["threads", "hold_ns", "gap_ns"],
                &[("noise", "bare"), ("ratio", "ours")],
            ),
            0.9,
        ),
        (
            "density.svg",
            "Time of a program by nanoseconds between its acquisitions, over that on bare locks",
            "ratio",
            groups(
                "density",
                &["mode", "every_ns"],
                &[("noise", "bare"), ("ratio", "ours")],
            ),
            1.005,
        ),
        (
            "workload.svg",
            "Cost of the default mode from end to end",
            "percent",
            percent(groups(
                "workload",
                &["program", "threads"],
                &[("noise", "bare"), ("cost", "ours")],
            )),
            1.0,
        ),
        (
            "accuracy.svg",
            "95 % of the answers are within so many rank points",
            "points",
            percent(groups(
                "accuracy",
                &["distribution", "shards"],
                &[("error95", "@quantile")],
            )),
            1.0,
        ),
        (
            "peers.svg",
            "Lock and unlock",
            "ns",
            groups(
                "peers",
                &["peer", "lock"],
                &[
                    ("bare_ns", "bare"),
                    ("ours_ns", "ours"),
                    ("peer_ns", "peer"),
                ],
            ),
            0.0,
        ),
        (
            "budget.svg",
            "Share of a thread's time that measuring took (budget, acquisitions a second)",
            "percent",
            percent(groups(
                "budget",
                &["budget", "rate"],
                &[("said", "as it says"), ("measured", "as measured")],
            )),
            0.0,
        ),
    ] {
        let path = plots.join(file);
        bars(&path, title, unit, &groups, line)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => match number.as_f64() {
            Some(float) if float >= 1e3 => format!("{float:.0e}"),
            Some(float) => format!("{float}"),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// Groups of bars side by side, on a scale that fits all, with a line at the target unless it is 0.
fn bars(
    path: &Path,
    title: &str,
    unit: &str,
    groups: &Groups,
    target: f64,
) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let values = || {
        groups
            .iter()
            .flat_map(|(_, bars)| bars.iter().map(|(_, v)| *v))
    };
    let most = values().fold(target, f64::max).max(1e-6) * 1.1;
    let least = values().fold(0.0, f64::min) * 1.1;
    let width = groups.len().max(1) as f64;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(90)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..width, least..most)?;
    let label = |x: &f64| {
        let group = groups.get((x - 0.5).round().max(0.0) as usize);
        group.map_or(String::new(), |(label, _)| label.clone())
    };
    let turned = ("sans-serif", 11)
        .into_font()
        .transform(FontTransform::Rotate90)
        .into_text_style(&root);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_desc(unit)
        .draw()?;
    let mut names: Vec<&str> = Vec::new();
    for (_, bars) in groups {
        for (name, _) in bars {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    for (series, name) in names.iter().enumerate() {
        let colour = COLOURS[series % COLOURS.len()];
        let slots = names.len() as f64 + 1.0;
        let bars = groups.iter().enumerate().filter_map(|(at, (_, bars))| {
            let (_, value) = bars.iter().find(|(other, _)| other == name)?;
            let left = at as f64 + (series as f64 + 0.5) / slots;
            Some(Rectangle::new(
                [(left, 0.0), (left + 1.0 / slots, *value)],
                colour.filled(),
            ))
        });
        chart
            .draw_series(bars)?
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], colour.filled()));
    }
    for at in 0..groups.len() {
        let x = at as f64 + 0.5;
        let (x_pixel, y_pixel) = chart.backend_coord(&(x, least));
        root.draw_text(&label(&x), &turned, (x_pixel + 4, y_pixel + 4))?;
    }
    if target != 0.0 {
        let line = PathElement::new(vec![(0.0, target), (width, target)], BLACK);
        chart.draw_series([line])?;
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
