//! The threads that the CPU kernels compute on.
//!
//! The kernels, and burn's CPU backend, use rayon's current pool. Without one of its own a thread shares the process's pool with
//! the window: an undo would wait for a matrix product, and the pool's size would depend on who asked first.

use std::cell::OnceCell;
use std::num::NonZeroUsize;
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::base::error::{Error, Result};

thread_local! {
    /// Kept as long as the thread: its helpers end with it.
    static POOL: OnceCell<ThreadPool> = const { OnceCell::new() };
}

/// Makes the calling thread the first of `count` threads (as many as the processor has, by default) that work for it alone. A
/// thread that has them already keeps them, whatever their number.
///
/// # Errors
/// The system can't start as many threads.
pub fn use_own_threads(count: Option<NonZeroUsize>) -> Result<()> {
    if rayon::current_thread_index().is_some() {
        return Ok(());
    }
    let count = count.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let pool = ThreadPoolBuilder::new()
        .num_threads(count)
        .use_current_thread()
        .thread_name(|number| format!("burnisher-compute-{number}"))
        .build()
        .map_err(|cause| Error::new(format!("{count} threads to compute on can't be started")).caused_by(cause))?;
    // It can't be set: a thread with a pool was sent away above.
    POOL.with(|own| drop(own.set(pool)));
    Ok(())
}

/// Does something on each of the calling thread's own threads, itself included; on it alone if it has none of its own.
pub fn on_own_threads(work: impl Fn() + Sync) {
    if rayon::current_thread_index().is_some() {
        rayon::broadcast(|_| work());
    } else {
        work();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use std::time::Duration;

    use rayon::prelude::*;

    use super::*;

    /// The names of the threads that parallel work on this thread runs on.
    fn helpers() -> BTreeSet<String> {
        let names = Mutex::new(BTreeSet::new());
        (0..64).into_par_iter().with_max_len(1).for_each(|_| {
            thread::sleep(Duration::from_millis(1));
            let name = thread::current().name().unwrap_or_default().to_owned();
            names.lock().expect("no thread panicked").insert(name);
        });
        names.into_inner().expect("no thread panicked")
    }

    #[test]
    fn a_thread_with_its_own_pool_shares_none_with_others_whoever_came_first() {
        let shared = rayon::current_num_threads();
        let engine = thread::Builder::new().name("engine".into()).spawn(|| {
            use_own_threads(NonZeroUsize::new(3)).expect("three threads");
            let first = (rayon::current_num_threads(), helpers());
            use_own_threads(NonZeroUsize::new(5)).expect("it has its threads");
            let calls = Mutex::new(BTreeSet::new());
            on_own_threads(|| {
                calls.lock().expect("no thread panicked").insert(format!("{:?}", thread::current().id()));
            });
            (first, rayon::current_num_threads(), calls.into_inner().expect("no thread panicked").len())
        });
        let ((count, helpers_of_engine), later, called) = engine.expect("a thread").join().expect("no panic");
        assert_eq!((count, later, called), (3, 3, 3), "the first call settles the number");
        let is_own = |name: &String| name == "engine" || name.starts_with("burnisher-compute-");
        assert!(helpers_of_engine.iter().all(is_own), "{helpers_of_engine:?}");
        assert_eq!(rayon::current_num_threads(), shared, "the pool of all others is as it was");
        assert!(!helpers().iter().any(is_own), "nobody else's work runs on the engine's threads");
    }
}
