//! A client that pulls over HTTP while the threads lock.

use crate::actors::Act;
use crate::truth;
use crate::watchdog::{Actor, die};
use nexus_lockprof::{Listen, Snapshot};
use nexus_lockprof_tests::http::At;

/// Serves and pulls until told to stop.
pub(crate) fn pull(act: &Act<'_>) {
    let actor = Actor::named("client");
    actor.does("serve");
    let path = std::env::temp_dir().join(format!("lockprof-chaos-{}", std::process::id()));
    let server = match nexus_lockprof::serve(&Listen::UnixAt(path.clone())) {
        Ok(server) => server,
        Err(error) => die!("{error}"),
    };
    let at = At::Unix(path);
    let get = |path: &'static str| match at.get(path) {
        Ok(body) => body,
        Err(error) => die!("{path}: {error}"),
    };
    while act.goes_on() {
        actor.does("GET /snapshot");
        match Snapshot::from_bytes(&get("/snapshot")) {
            Ok(snapshot) => truth::check(&snapshot),
            Err(error) => die!("{error}"),
        }
        actor.does("GET /metrics");
        let _ = get("/metrics");
        if act.switch {
            actor.does("POST /config");
            if let Err(error) = at.ask("POST", "/config", "mode=counts") {
                die!("/config: {error}");
            }
        }
    }
    actor.does("stop");
    drop(server);
}
