//! `dev` ends cleanly.

use nix::sys::signal::Signal;

use super::program::Dev;

#[test]
fn ctrl_c_stops_it_with_status_0_and_removes_its_state_file() {
    let dev = Dev::start();
    let file = dev.state_file();
    assert!(file.exists());

    let (status, printed) = dev.end_by(Signal::SIGINT);

    assert_eq!(status.code(), Some(0), "{printed}");
    assert!(printed.ends_with("stopped\n"), "{printed}");
    assert!(!file.exists());
}

#[test]
fn sigterm_stops_it_too() {
    let (status, printed) = Dev::start().end_by(Signal::SIGTERM);
    assert_eq!(status.code(), Some(0), "{printed}");
}

#[test]
fn a_second_one_runs_beside_the_first() {
    let first = Dev::start();
    let second = Dev::start();

    let (one, other) = (first.state(), second.state());
    assert_ne!(one["address"], other["address"]);
    for dev in [&first, &second] {
        assert!(dev.ask(&["agents", "list"]).contains("CONNECTED"));
    }
}
