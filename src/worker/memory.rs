//! How much memory the program takes, and giving it back.

// The allocator's library, which `give_back` calls into; `main.rs` makes it the program's.
use crate::ops;
use mimalloc as _;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Bytes of main memory that this process holds, weights on the CPU included; `None` if the system doesn't tell. Cheap
/// enough to be asked once a second, on any thread.
pub fn resident_bytes() -> Option<u64> {
    let this = Pid::from_u32(std::process::id());
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[this]), false, what);
    system.process(this).map(sysinfo::Process::memory)
}

#[expect(unsafe_code, reason = "the crate shows this function of the library only with a feature that changes others")]
mod library {
    unsafe extern "C" {
        /// `mimalloc.h`: frees what is kept for later, on this thread and in common; safe at any time on any thread, also where
        /// another allocator is the program's.
        pub(super) safe fn mi_collect(force: bool);
    }
}

/// Gives the system back what the allocator keeps of freed memory, for each of the threads that computed. It would do so by itself, but only as it is asked for more:
/// a program that stands still would hold a model's gigabytes for good.
pub(super) fn give_back() {
    ops::on_own_threads(|| library::mi_collect(true));
}
