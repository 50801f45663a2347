use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{Context, Waker};

use ledger_contract::errors::Code;
use parking_lot::Mutex;

use super::*;

fn readers(scans_max: usize, scans_waiting_max: usize) -> Arc<Readers> {
    let limits = AdmissionLimits {
        scans_max,
        scans_spare_max: 0,
        scans_waiting_max,
        ..AdmissionLimits::default()
    };
    Arc::new(Readers::start(&limits).expect("threads start"))
}

/// Runs `work` as a scan.
async fn scan<T: Send + 'static>(
    readers: Arc<Readers>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, QueryError> {
    let turn = readers.turn(Effort::Scan, &Caller::system("user:a")).await?;
    readers.run(turn, work).await
}

/// A scan that says that it has begun and ends when it is told to.
struct Held {
    begun: Receiver<()>,
    end: SyncSender<()>,
}

impl Held {
    /// Waits until it runs.
    fn wait(&self) {
        self.begun.recv().expect("the scan begins");
    }

    fn release(self) {
        self.end.send(()).expect("the scan waits");
    }
}

fn held(readers: &Arc<Readers>) -> (Held, tokio::task::JoinHandle<Result<(), QueryError>>) {
    let (started, begun) = sync_channel(1);
    let (end, ended) = sync_channel(1);
    let work = move || {
        started.send(()).expect("somebody waits for the scan");
        ended.recv().expect("somebody ends the scan");
    };
    (Held { begun, end }, tokio::spawn(scan(readers.clone(), work)))
}

/// Polls a future that must not be ready, which takes its place in the line.
fn enqueue<F: Future>(future: Pin<&mut F>) {
    let polled = future.poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "no turn is free");
}

fn code(result: Result<(), QueryError>) -> Code {
    result.expect_err("refused").code()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_as_many_scans_run_at_once_as_there_are_threads() {
    let readers = readers(2, 10);
    let (first, one) = held(&readers);
    first.wait();
    let (second, two) = held(&readers);
    second.wait();
    let released = Arc::new(AtomicBool::new(false));
    let is_released = released.clone();
    let mut third = pin!(scan(readers.clone(), move || is_released.load(Ordering::SeqCst)));
    enqueue(third.as_mut());
    assert_eq!(readers.scans.free(), 0);
    released.store(true, Ordering::SeqCst);
    first.release();
    one.await.expect("no panic").expect("answered");
    assert!(third.await.expect("answered"), "it ran beside the two");
    second.release();
    two.await.expect("no panic").expect("answered");
    assert_eq!(readers.scans.free(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_run_in_the_order_of_arrival() {
    let readers = readers(1, 10);
    let (first, one) = held(&readers);
    first.wait();
    let order = Arc::new(Mutex::new(Vec::new()));
    let later = |number| {
        let order = order.clone();
        Box::pin(scan(readers.clone(), move || order.lock().push(number)))
    };
    let mut waiting: Vec<_> = (0..5).map(later).collect();
    for scan in &mut waiting {
        enqueue(scan.as_mut());
    }
    // Their callers look for the answers in the opposite order.
    waiting.reverse();
    let answers: Vec<_> = waiting.into_iter().map(tokio::spawn).collect();
    first.release();
    one.await.expect("no panic").expect("answered");
    for answer in answers {
        answer.await.expect("no panic").expect("answered");
    }
    assert_eq!(*order.lock(), [0, 1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_without_a_place_is_refused_and_an_abandoned_one_gives_its_place_up() {
    let readers = readers(1, 1);
    let (first, one) = held(&readers);
    first.wait();
    let ran = Arc::new(Mutex::new(Vec::new()));
    let later = |name| {
        let ran = ran.clone();
        Box::pin(scan(readers.clone(), move || ran.lock().push(name)))
    };
    let mut abandoned = later("abandoned");
    enqueue(abandoned.as_mut());
    assert_eq!(code(later("refused").await), Code::Busy);
    drop(abandoned);
    let mut next = later("next");
    enqueue(next.as_mut());
    first.release();
    one.await.expect("no panic").expect("answered");
    next.await.expect("answered");
    assert_eq!(*ran.lock(), ["next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_do_not_wait_for_scans() {
    let readers = readers(1, 0);
    let (first, one) = held(&readers);
    first.wait();
    let turn = readers.turn(Effort::Lookup, &Caller::system("user:a")).await.expect("a turn");
    assert_eq!(readers.run(turn, || 7).await.expect("answered"), 7);
    first.release();
    one.await.expect("no panic").expect("answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_waits_for_running_scans_and_refuses_all_others() {
    let readers = readers(1, 10);
    let (first, one) = held(&readers);
    first.wait();
    let mut waiting = Box::pin(scan(readers.clone(), || ()));
    enqueue(waiting.as_mut());
    let ending = readers.clone();
    let end = tokio::task::spawn_blocking(move || ending.end_scans());
    assert_eq!(code(waiting.await), Code::ShuttingDown);
    assert!(!end.is_finished(), "a scan is running");
    first.release();
    one.await.expect("no panic").expect("answered");
    end.await.expect("no panic");
    assert_eq!(code(scan(readers.clone(), || ()).await), Code::ShuttingDown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_panics_is_a_fault_and_its_thread_goes_on() {
    let readers = readers(1, 10);
    let panicked = scan(readers.clone(), || panic!("a defect")).await;
    assert_eq!(code(panicked), Code::Internal);
    assert_eq!(scan(readers, || 7).await.expect("answered"), 7);
}

/// Returns the nice value of the calling thread.
#[cfg(target_os = "linux")]
fn nice_value() -> i32 {
    let path = format!("/proc/self/task/{}/stat", rustix::thread::gettid().as_raw_nonzero());
    let stat = std::fs::read_to_string(path).expect("a thread of this process");
    // The name, in parentheses, may have spaces. The nice value is field 19, and the name field 2.
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    rest.split_whitespace().nth(16).and_then(|value| value.parse().ok()).expect("a nice value")
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn scans_run_at_low_priority_and_lookups_do_not() {
    let readers = readers(1, 10);
    let normal = nice_value();
    let of_scan = scan(readers.clone(), nice_value).await.expect("answered");
    assert_eq!(of_scan, (normal + priority::NICER_BY).min(19));
    let turn = readers.turn(Effort::Lookup, &Caller::system("user:a")).await.expect("a turn");
    assert_eq!(readers.run(turn, nice_value).await.expect("answered"), normal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_has_a_share_of_the_scans_and_leaves_places_to_others() {
    let limits = AdmissionLimits {
        scans_max: 1,
        scans_spare_max: 0,
        scans_waiting_max: 3,
        scans_per_caller_max: 2,
        ..AdmissionLimits::default()
    };
    let readers = Readers::start(&limits).expect("threads start");
    let (greedy, other) = (Caller::system("user:a"), Caller::system("user:b"));
    let first = readers.turn(Effort::Scan, &greedy).await.expect("a turn");
    let mut second = pin!(readers.turn(Effort::Scan, &greedy));
    enqueue(second.as_mut());
    let third = readers.turn(Effort::Scan, &greedy).await.map(drop);
    assert_eq!(code(third), Code::Busy, "two are its share");
    let mut fourth = pin!(readers.turn(Effort::Scan, &other));
    enqueue(fourth.as_mut());
    drop(first);
    drop(second.await.expect("a turn"));
    drop(fourth.await.expect("a turn"));
}
