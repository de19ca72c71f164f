//! Burnisher: local image generation, as Hugging Face Diffusers does it, in one native binary.
//!
//! ```text
//! main       -> app, cli
//! app        -> session, worker, pipelines, families, storage, content, schedulers, base
//! cli        -> session, worker, pipelines, families, storage, content, schedulers, base
//! session    -> worker, pipelines, families, storage, content, schedulers, base
//! worker     -> pipelines, families, ops, storage, content, schedulers, base
//! pipelines  -> families, models, ops, storage, content, schedulers, base
//! families   -> models, ops, storage, content, schedulers, base
//! models     -> ops, base
//! ops        -> base
//! storage    -> content, schedulers, base  (gallery, library, hub, checkpoint, weights, recipe)
//! content    -> schedulers, base  (request, imaging, text)
//! schedulers -> base
//! base
//! ```
//! A box may name those on the right of its arrow. `tests/architecture` makes this diagram and keeps it; `ARCHITECTURE.md` says what each
//! room is.
//!
//! # Where failures go
//! A failure becomes an [`base::error::Error`] where it happens, written for the user: what is wrong, why, what to do. It travels up
//! unchanged to the worker, which tells it as an event; the command line prints it in one line and exits with 1, and the window shows
//! it with its causes and what to do, until it is dismissed. A panic on the
//! worker's thread is caught there once and ends the job like any other failure.
//!
//! # Speed on the CPU
//! burn's CPU backend stores the tensors; [`ops`] does the heavy work on its buffers. Three things matter: matrix products through
//! the crate `gemm` with AVX-512 (feature `x86-v4`), convolutions as strips of patches that stay in the cache, and attention that
//! never writes its scores out. Single-threaded loops over memory, which burn's backend has many of, would cost as much as the
//! products do.
//!
//! # Speed on GPUs
//! [`ops`] has kernels of its own there, too, written with CubeCL and called through burn's fusion. Three things matter: feature
//! maps lie with their channels side by side from one kernel to the next, so that nothing is laid out anew; the weights of
//! convolutions are laid out once, when they are loaded; and what is added to a result is added where it is computed.
//!
//! # The loop by hand
//! [`pipelines`] do all of this; here is what they do, for a model that draws pixels, as in the quicktour of Diffusers. It is
//! `docs/by_hand.rs`, which the tests run on a tiny model.
//!
//! ```no_run
#![doc = include_str!("../docs/by_hand.rs")]
//! ```

pub mod app;
pub mod base;
pub mod cli;
pub mod content;
pub mod families;
pub mod models;
pub mod ops;
pub mod pipelines;
pub mod schedulers;
pub mod session;
pub mod storage;
pub mod worker;
