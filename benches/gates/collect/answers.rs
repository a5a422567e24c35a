//! What the endpoint does for one request, but for HTTP itself.

use std::hint::black_box;
use std::time::Duration;

use nexus_lockprof::Snapshot;
use nexus_lockprof_export::prometheus::Scrapes;

use crate::lockprof_measured;
use crate::scene::Scene;

const POINTS: usize = 100;
/// How often each lock is held before a request: some 1,000 holds a second at 200 requests.
const HOLDS: usize = 5;
/// Requests before the measured one, which fill the reservoirs.
const WARM_UP: usize = 30;
/// The age that a light peek allows.
const BEHIND: Duration = Duration::from_secs(1);

/// The forms of an answer.
const FORMS: [&str; 3] = ["metrics", "snapshot", "json"];

/// Makes an answer in the form of this name.
fn answer(form: &str, snapshot: &Snapshot, scrapes: &mut Scrapes) -> Result<Vec<u8>, String> {
    match form {
        "metrics" => Ok(scrapes.text(snapshot).to_string().into_bytes()),
        "snapshot" => snapshot.to_bytes().map_err(|error| error.to_string()),
        _ => {
            let text = snapshot.to_json().map_err(|error| error.to_string())?;
            Ok(text.into_bytes())
        }
    }
}

pub(crate) fn run() -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for form in FORMS {
        let mut scene = Scene::new(POINTS)?;
        let mut scrapes = Scrapes::new();
        let mut pull = |scene: &mut Scene, light: bool, measured: bool| -> Result<(), String> {
            let mut done = Ok(());
            let mut call = || {
                let snapshot = match light {
                    true => scene.engine.light_peek(BEHIND),
                    false => scene.engine.peek(),
                };
                done = answer(form, &snapshot, &mut scrapes).map(|bytes| {
                    black_box(bytes);
                });
            };
            match measured {
                true => lockprof_measured(&mut call),
                false => call(),
            }
            done
        };
        for _ in 0..WARM_UP {
            scene.hold(POINTS, HOLDS);
            pull(&mut scene, false, false)?;
        }
        for (peek, light, changed) in [
            ("full", false, POINTS),
            ("light", true, POINTS),
            ("light-quiet", true, 0),
        ] {
            scene.hold(changed, HOLDS);
            pull(&mut scene, light, true)?;
            names.push(format!("{form}-{peek}"));
        }
    }
    Ok(names)
}
