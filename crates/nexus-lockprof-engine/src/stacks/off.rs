//! The twin of these modules without the feature.

/// Counts nothing.
#[derive(Debug)]
pub(crate) struct StackSampling(());

impl StackSampling {
    pub(crate) const fn new() -> Self {
        StackSampling(())
    }
}

/// Notes nothing.
#[derive(Debug)]
pub(crate) struct Noted(());

impl Noted {
    pub(crate) const fn new() -> Self {
        Noted(())
    }

    pub(crate) fn clear(&self) {}
}

/// There are no addresses to leave.
pub(crate) fn leave_addresses() {}

/// Always off.
#[derive(Debug)]
pub(crate) struct Switch;

impl Switch {
    pub(crate) const fn new() -> Self {
        Switch
    }

    pub(crate) fn set(&self, _on: bool) {}
}

/// Has no stacks.
#[derive(Debug, Default)]
pub(crate) struct StackTable(());
