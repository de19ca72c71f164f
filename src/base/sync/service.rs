//! A service: a named thread that obeys orders and tells news, and the handle that commands it.
//!
//! Both ways are bounded channels, so neither side can pile up work for the other. The handle never waits for the thread, except
//! in [`Service::wait`], in [`Service::finish`] and when it is dropped: at its end the thread is given [`Limits::patience`] to finish,
//! and is left behind if a disk, a network or a device keeps it longer.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, never};

use crate::base::error::{Error, Result};

/// Wakes whoever listens to a service. It is called on the thread of the service.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A wake for a thread that sleeps: it waits on the channel, which holds one call for all that it hasn't heard yet.
pub fn bell() -> (Wake, Receiver<()>) {
    let (rung, heard) = bounded(1);
    let wake = move || {
        let _ = rung.try_send(());
    };
    (Arc::new(wake), heard)
}

/// How much may wait on the way to and from a service, and how long its end may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Orders that the thread hasn't taken yet.
    pub orders: usize,
    /// News that nobody has fetched yet.
    pub news: usize,
    /// The time that the thread has to finish when the handle is dropped.
    pub patience: Duration,
}

/// The handle of a named thread that takes `Order`s and tells `News`.
#[derive(Debug)]
pub struct Service<Order, News> {
    orders: Sender<Order>,
    news: Receiver<News>,
    /// Disconnected once the thread has ended.
    alive: Receiver<Infallible>,
    patience: Duration,
}

/// The thread's end of the news. Clones tell on the same channel.
pub struct Outbox<News> {
    news: Sender<News>,
    wake: Wake,
}

/// Held by the thread: its end, by a panic too, is told to the handle.
struct Alive {
    held: Option<Sender<Infallible>>,
    wake: Wake,
}

impl<Order: Send + 'static, News: Send + 'static> Service<Order, News> {
    /// Starts the thread `name`. `work` runs on it, and ends when the channel of orders is disconnected; `wake` is called after
    /// each of the news and when the thread ends.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn spawn(
        name: &str,
        limits: Limits,
        wake: Wake,
        work: impl FnOnce(Receiver<Order>, Outbox<News>) + Send + 'static,
    ) -> Result<Self> {
        let (orders, obeyed) = bounded(limits.orders);
        let (outbox, news) = outbox(limits.news, Arc::clone(&wake));
        let (held, alive) = bounded(0);
        let held = Alive { held: Some(held), wake };
        let run = move || {
            let _held = held;
            work(obeyed, outbox);
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
        thread.map_err(|cause| Error::new(format!("The thread {name} can't be started")).caused_by(cause))?;
        Ok(Self { orders, news, alive, patience: limits.patience })
    }
}

impl<Order, News> Service<Order, News> {
    /// Hands an order over.
    ///
    /// # Errors
    /// There is no room for it, or the thread has ended: the order comes back.
    pub fn send(&self, order: Order) -> std::result::Result<(), Order> {
        self.orders.try_send(order).map_err(crossbeam_channel::TrySendError::into_inner)
    }

    /// Takes the next of the news, if there are any.
    pub fn news(&self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Waits for the next of the news; `None` once the thread has ended and everything is fetched.
    pub fn wait(&self) -> Option<News> {
        self.news.recv().ok()
    }

    /// Lets the thread end: it gets no more orders, and its news go nowhere. Returns at once.
    pub fn close(&mut self) {
        self.orders = bounded(0).0;
        self.news = never();
    }

    /// Lets the thread end, and gives the news that it tells until then. Waits for it as dropping the handle does.
    pub fn finish(&mut self) -> Vec<News> {
        self.orders = bounded(0).0;
        let end = Instant::now() + self.patience;
        let news = std::iter::from_fn(|| self.news.recv_deadline(end).ok()).collect();
        self.patience = end.saturating_duration_since(Instant::now());
        news
    }

    /// Leaves the thread behind: it is closed, and not waited for.
    pub fn abandon(&mut self) {
        self.close();
        self.patience = Duration::ZERO;
    }

    /// Whether the thread has ended.
    pub fn is_over(&self) -> bool {
        self.alive.try_recv() == Err(TryRecvError::Disconnected)
    }
}

impl<Order, News> Drop for Service<Order, News> {
    fn drop(&mut self) {
        self.close();
        let _ = self.alive.recv_timeout(self.patience);
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        drop(self.held.take());
        (self.wake)();
    }
}

/// Makes a channel of news with room for `capacity`; `wake` is called after each.
pub fn outbox<News>(capacity: usize, wake: Wake) -> (Outbox<News>, Receiver<News>) {
    let (sender, news) = bounded(capacity);
    (Outbox { news: sender, wake }, news)
}

impl<News> Outbox<News> {
    /// Tells what must arrive: waits for room as long as the handle is there. Returns whether it is.
    pub fn tell(&self, news: News) -> bool {
        let is_heard = self.news.send(news).is_ok();
        self.wake();
        is_heard
    }

    /// Tells what is worth nothing when it is old: leaves it out where there is no room.
    pub fn tell_if_room(&self, news: News) {
        let _ = self.news.try_send(news);
        self.wake();
    }

    /// Wakes whoever listens: there is something to look at.
    pub fn wake(&self) {
        (self.wake)();
    }
}

impl<News> Clone for Outbox<News> {
    fn clone(&self) -> Self {
        Self { news: self.news.clone(), wake: Arc::clone(&self.wake) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LIMITS: Limits = Limits { orders: 1, news: 2, patience: Duration::from_mins(1) };

    fn silent() -> Wake {
        Arc::new(|| {})
    }

    /// A service that doubles numbers.
    fn doubler(wake: Wake) -> Service<u32, u32> {
        let work = |orders: Receiver<u32>, outbox: Outbox<u32>| {
            for order in orders {
                outbox.tell(2 * order);
            }
        };
        Service::spawn("doubler", LIMITS, wake, work).expect("a thread")
    }

    #[test]
    fn orders_are_obeyed_in_turn_and_every_answer_wakes() {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&wakes);
        let service = doubler(Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        }));
        for order in [1, 2, 3] {
            while service.send(order).is_err() {
                thread::yield_now();
            }
            assert_eq!(service.wait(), Some(2 * order));
        }
        assert_eq!(service.news(), None);
        drop(service);
        // Three answers and the end, which wakes just after the handle has seen it.
        while wakes.load(Ordering::SeqCst) < 4 {
            thread::yield_now();
        }
        assert_eq!(wakes.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn an_order_that_finds_no_room_comes_back() {
        let (release, released) = bounded::<()>(0);
        let work = move |orders: Receiver<u32>, _: Outbox<u32>| {
            let _ = released.recv();
            drop(orders);
        };
        let service: Service<u32, u32> = Service::spawn("stuck", LIMITS, silent(), work).expect("a thread");
        assert_eq!(service.send(1), Ok(()));
        assert_eq!(service.send(2), Err(2));
        drop(release);
    }

    #[test]
    fn the_end_waits_for_the_thread_and_for_no_news_that_nobody_fetches() {
        let ended = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ended);
        let work = move |orders: Receiver<u32>, outbox: Outbox<u32>| {
            for order in orders {
                // More than there is room for.
                for _ in 0..100 {
                    outbox.tell(order);
                }
            }
            counted.store(1, Ordering::SeqCst);
        };
        let service = Service::spawn("talker", LIMITS, silent(), work).expect("a thread");
        service.send(1).expect("there is room");
        drop(service);
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn finishing_gives_all_news_that_the_thread_told_until_its_end() {
        let work = |orders: Receiver<u32>, outbox: Outbox<u32>| {
            // More than there is room for, told after the last order.
            let last = orders.iter().last().unwrap_or_default();
            for number in 0..last {
                outbox.tell(number);
            }
        };
        let mut service = Service::spawn("talker", LIMITS, silent(), work).expect("a thread");
        service.send(100).expect("there is room");
        assert_eq!(service.finish(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_thread_that_does_not_end_is_left_behind() {
        let (release, released) = bounded::<()>(0);
        let work = move |_: Receiver<u32>, _: Outbox<u32>| {
            let _ = released.recv();
        };
        let limits = Limits { patience: Duration::from_millis(1), ..LIMITS };
        let mut service: Service<u32, u32> = Service::spawn("stuck", limits, silent(), work).expect("a thread");
        assert_eq!(service.finish(), [0; 0]);
        service.close();
        assert!(!service.is_over());
        drop(service);
        drop(release);
    }

    #[test]
    fn a_panic_ends_the_thread_and_is_seen() {
        let work = |_: Receiver<u32>, _: Outbox<u32>| panic!("on purpose");
        let service: Service<u32, u32> = Service::spawn("panics", LIMITS, silent(), work).expect("a thread");
        assert_eq!(service.wait(), None);
        while !service.is_over() {
            thread::yield_now();
        }
    }
}
