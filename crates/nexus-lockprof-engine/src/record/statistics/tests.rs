use super::*;

/// A signal handler may update the record in the middle of an update.
#[test]
fn a_record_is_not_read_while_an_update_is_under_way() {
    let record = Record::new(PointKey(8));
    // SAFETY: no other thread has it.
    let owner = unsafe { Owner::assume() };
    let events = record.events();
    record.write(|| {
        record.write(|| assert_eq!(record.read(), None));
        record.forfeit(&owner, 3, 2);
        assert!(record.is_half_changed());
        assert_eq!(record.read(), None);
    });
    assert!(!record.is_half_changed());
    let reading = record.read().unwrap();
    assert_eq!((reading.unmeasured_holds, reading.unmeasured_waits), (3, 2));
    assert_eq!(reading.events(), record.events());
    assert_ne!(reading.events(), events);
}
