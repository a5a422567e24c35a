//! The command line of `lockprof`.

use crate::command::{diff, export, man, merge, ps, report, run, set, snapshot, top};
use crate::exit;
use crate::target::Target;
use crate::terminal::Color;
use clap::{Parser, Subcommand};

/// Inspect lock profiles of running and finished programs.
///
/// A TARGET is a process (its number), a socket (its path), the URL of an endpoint, a file, or -
/// for standard input. To inspect a program while it runs, start it with LOCKPROF_SERVE=unix. To
/// make it write a file at exit, start it with LOCKPROF_OUT=FILE.
#[derive(Debug, Parser)]
#[command(name = "lockprof", version, after_help = exit::CODES)]
pub(crate) struct Lockprof {
    /// When to use colour; `auto` respects NO_COLOR.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an already built program, and show where its threads waited for locks.
    #[command(after_help = run::EXAMPLES)]
    Run(run::Options),
    /// Write a target's snapshot to a file or to standard output.
    #[command(after_help = snapshot::EXAMPLES)]
    Snapshot(snapshot::Options),
    /// Watch a process live: what waits right now, where, and for whom.
    #[command(after_help = top::EXAMPLES)]
    Top(top::Options),
    /// Show where threads waited, for how long, and who held the lock.
    #[command(after_help = report::EXAMPLES)]
    Report(report::Options),
    /// Compare two snapshots: what got worse or better, and whether that is chance.
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::Options),
    /// Merge snapshots of several hosts, processes or runs into one.
    #[command(after_help = merge::EXAMPLES)]
    Merge(merge::Options),
    /// Write a snapshot in a format for other tools.
    #[command(after_help = export::EXAMPLES)]
    Export(export::Options),
    /// Reset a process's statistics to 0.
    #[command(after_help = set::RESET_EXAMPLES)]
    Reset {
        /// Process: a number, a socket or a URL.
        target: Target,
    },
    /// Change what a process measures.
    #[command(after_help = set::EXAMPLES)]
    Set(set::Options),
    /// List this machine's profiled processes that serve on a socket.
    #[command(after_help = ps::EXAMPLES)]
    Ps(ps::Options),
    /// Check that this build profiles: make a lock hot, and expect to see it.
    #[cfg(feature = "selftest")]
    #[command(after_help = "Prints `lockprof: on` and `SELFTEST: lock hot ok`.")]
    Selftest,
    /// Print completions for a shell.
    #[command(after_help = man::COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages to a folder.
    #[command(after_help = man::EXAMPLES)]
    Man(man::Options),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Lockprof::command().debug_assert();
    }
}
