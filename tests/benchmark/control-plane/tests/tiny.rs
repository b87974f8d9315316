//! The whole suite against the real control plane, so small that it only shows that it
//! works.

use std::process::Command;

/// Every figure that a whole run prints.
const FIGURES: [&str; 21] = [
    "deploy_10_cpu_s",
    "deploy_10_s",
    "deploy_20_cpu_s",
    "deploy_20_s",
    "deploy_all_s",
    "growth_exponent",
    "create_p99_ms",
    "deploy_p50_ms",
    "deploy_p99_ms",
    "push_p99_ms",
    "sent_late_p99_ms",
    "list_page_p99_ms",
    "idle_cpu_percent",
    "restart_s",
    "resync_s",
    "moved_tasks",
    "replace_s",
    "replace_beyond_lease_s",
    "rss_mib",
    "watch_sync_s",
    "watch_event_p99_ms",
];

fn run(arguments: &[&str]) -> (bool, String) {
    let size = ["--connectors", "20", "--agents", "4", "--sizes", "10,20", "--seconds", "1"];
    start(&[&size[..], arguments].concat())
}

fn start(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kafka2oss-control-plane-benchmark"));
    let output = command.args(arguments).output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

/// The number of a figure; it stands in a line of its own.
fn figure(output: &str, name: &str) -> Option<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line?.parse().ok()
}

#[test]
fn a_tiny_run_measures_everything() {
    let (well, output) = run(&["--bound", "60", "--lease", "6", "--idle", "5"]);

    assert!(well, "{output}");
    for name in FIGURES {
        // The exponent needs more CPU time than this takes.
        let number = figure(&output, name).unwrap_or_else(|| panic!("no {name}:\n{output}"));
        assert!(number.is_finite() || name == "growth_exponent", "{name}={number}:\n{output}");
    }
    assert_eq!(figure(&output, "moved_tasks"), Some(0.0), "{output}");
    assert_eq!(figure(&output, "watch_resets"), Some(0.0), "{output}");
}

#[test]
fn what_does_not_come_in_time_is_above_every_limit_and_fails_where_goals_are_enforced() {
    let late = ["--bound", "0", "--only", "deploy-all"];
    let (well, output) = run(&late);
    assert!(well, "{output}");
    assert_eq!(figure(&output, "deploy_all_s"), Some(f64::INFINITY), "{output}");
    assert!(output.contains("not within 0 s"), "{output}");

    let (well, output) = run(&[&late[..], &["--enforce"]].concat());
    assert!(!well, "{output}");
}

#[test]
fn hostile_peers_are_measured_beside_good_ones() {
    let attacks = ["--only", "no-messages", "--only", "agents-logs"];
    let (well, output) = start(&[&["hostile", "--seconds", "1"][..], &attacks].concat());

    assert!(well, "{output}");
    for name in ["no_messages_of_quiet", "agents_logs_rss_mib", "hostile_rss_after_mib"] {
        let number = figure(&output, name).unwrap_or_else(|| panic!("no {name}:\n{output}"));
        assert!(number.is_finite() && number > 0.0, "{name}={number}:\n{output}");
    }
    assert_eq!(figure(&output, "agents_logs_agents_lost"), Some(0.0), "{output}");
}
