//! The endpoint of a program whose locks are not profiled.

use nexus_lockprof::Snapshot;
use nexus_lockprof_tests::http::At;

#[test]
fn what_is_served_is_empty_and_stays_off() {
    let server = nexus_lockprof::serve(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let at = At::Tcp(server.local_addr().unwrap());
    let snapshot = Snapshot::from_json_slice(&at.get("/snapshot").unwrap()).unwrap();
    assert!(snapshot.points().is_empty());
    assert_eq!(at.get("/config").unwrap(), br#"{"mode":"off"}"#);
    let (status, text) = at.ask("POST", "/config", "mode=exact").unwrap();
    let message = "the program was built without the feature `profile`\n";
    assert_eq!((status, &*text), (400, message.as_bytes()));
    assert_eq!(at.get("/config").unwrap(), br#"{"mode":"off"}"#);
}
