//! Settings, and what happens when the first ones are set.

use crate::acquire::look;
use crate::acquire::signal::Attempt;
use crate::acquire::thread;
use crate::clock::{Clock, ManualClock};
use crate::config::{Config, ConfigError, Mode};
use crate::control::Control;
use crate::core::{Core, GLOBAL_NUMBER};
use crate::process::env;
use crate::process::exclusive::lock;
use crate::process::fork;
use crate::process::fork_guard;
use crate::process::slow_events;
use crate::record::loss::Loss;
use crate::stacks;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

impl Core {
    /// A separate engine with the default settings.
    pub(crate) fn local(clock: Option<&ManualClock>) -> Arc<Self> {
        let clock = clock.map_or_else(Clock::counter, Clock::manual);
        static NEXT: AtomicU64 = AtomicU64::new(GLOBAL_NUMBER + 1);
        let number = NEXT.fetch_add(1, Relaxed);
        let core = Arc::new_cyclic(|me| Core::new_local(Weak::clone(me), number, clock));
        // The default settings are valid. This also sets the fork handlers, before there is
        // anything to hold.
        let _ = core.configure(Config::default());
        fork_guard::remember(&core);
        core
    }

    /// The control word. Reads the environment first if nobody has configured yet.
    pub(crate) fn control_or_configure(&self) -> Control {
        let control = self.control();
        if control != Control::UNCONFIGURED {
            return control;
        }
        // One thread reads the environment. Others that arrive meanwhile wait for it, by taking
        // turns and not for ever. A thread does not wait for itself, from inside an allocator or a
        // signal handler.
        if thread::is_inside() || !self.configuring.begin() {
            return self.await_configuration();
        }
        let _inside = thread::inside();
        self.first_use();
        let environment = self.environment();
        let mut changes = lock(&self.changes);
        // Another thread may have configured meanwhile. Its settings stay.
        if self.config.load().is_none() {
            self.apply(environment, &mut changes);
        }
        drop(changes);
        slow_events::settings_changed(self);
        self.control()
    }

    /// The control word. An acquisition that must not allocate does not configure, and is lost.
    pub(crate) fn control_for(&self, attempt: Attempt) -> Control {
        if self.control() == Control::UNCONFIGURED && !attempt.may_allocate() {
            if !thread::is_internal() {
                self.losses.count(Loss::Reentrant);
            }
            return Control::OFF;
        }
        self.control_or_configure()
    }

    fn await_configuration(&self) -> Control {
        const TURNS: usize = 100_000;
        let turns = if thread::is_inside() { 0 } else { TURNS };
        for _ in 0..turns {
            let control = self.control();
            if control != Control::UNCONFIGURED {
                return control;
            }
            std::thread::yield_now();
        }
        if !thread::is_internal() {
            self.losses.count(Loss::Reentrant);
        }
        Control::OFF
    }

    /// The settings from the environment. Errors in them are reported once.
    fn environment(&self) -> Config {
        let said = self.environment_read.swap(true, Relaxed);
        env::config(env::var_os, &mut |message| {
            if !said {
                crate::process::stderr::say(message);
            }
        })
    }

    /// The current settings, or the environment's if nobody has configured yet.
    pub(crate) fn config_or_environment(&self) -> Config {
        match self.config.load_full() {
            Some(config) => Config::clone(&config),
            None => self.environment(),
        }
    }

    fn first_use(&self) {
        // This comes first: a fork must not copy anything that is only half done.
        #[cfg(unix)]
        fork::install_fork_handlers();
        self.clock.started_ns();
        look::measure(&self.clock);
        if self.is_global() {
            fork::install(!self.is_disabled());
        }
    }

    /// Turns the engine off for good, whatever the environment says.
    pub(crate) fn disable_permanently(&self) {
        self.disabled.store(true, Relaxed);
        self.environment_read.store(true, Relaxed);
        // The default settings are valid.
        let _ = self.configure(Config::default().mode(Mode::Off));
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.disabled.load(Relaxed)
    }

    pub(crate) fn configure(&self, config: Config) -> Result<(), ConfigError> {
        config.validate()?;
        if config.stacks && !stacks::SUPPORTED {
            static SAID: AtomicBool = AtomicBool::new(false);
            if !SAID.swap(true, Relaxed) {
                crate::process::stderr::say(format_args!(
                    "Config::stacks has no effect: build the program with the feature `stacks`"
                ));
            }
        }
        let _inside = thread::inside();
        if self.control() == Control::UNCONFIGURED && self.configuring.begin() {
            self.first_use();
            if self.is_global() && !self.environment_read.load(Relaxed) {
                env::ignored(env::var_os, &mut |message| {
                    crate::process::stderr::say(message)
                });
            }
        }
        self.apply(config, &mut lock(&self.changes));
        slow_events::settings_changed(self);
        Ok(())
    }

    /// Changes some settings and keeps the others, including those that another thread is changing.
    pub(crate) fn reconfigure(
        &self,
        change: impl FnOnce(Config) -> Config,
    ) -> Result<(), ConfigError> {
        self.control_or_configure();
        let _inside = thread::inside();
        let mut changes = lock(&self.changes);
        let config = change(Config::clone(&self.config()));
        config.validate()?;
        self.apply(config, &mut changes);
        drop(changes);
        slow_events::settings_changed(self);
        Ok(())
    }
}
