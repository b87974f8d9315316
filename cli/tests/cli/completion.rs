//! Completion in a shell, with the names that the control plane has.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::connector::create;
use super::program::{Dev, kafka2oss, texts};

/// What bash offers at the end of a line, by the function that the script defines.
fn offered(command: &mut Command, line: &str) -> Vec<String> {
    let script = r#"
        set -eu
        source <(kafka2oss completion bash)
        read -ra COMP_WORDS <<< "$1"
        [[ $1 == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )) COMP_TYPE=9 COMP_LINE=$1 COMP_POINT=${#1}
        complete -p kafka2oss > /dev/null
        _clap_complete_kafka2oss kafka2oss "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]-}"
    "#;
    let folder = Path::new(env!("CARGO_BIN_EXE_kafka2oss")).parent().expect("a folder");
    let path = std::env::var("PATH").expect("a path");
    let output = command
        .args(["--norc", "-c", script, "bash", line])
        .env("PATH", format!("{}:{path}", folder.display()))
        .output()
        .expect("bash is there");
    let (stdout, stderr) = texts(&output);
    assert!(output.status.success() && stderr.is_empty(), "{line}: {stdout}{stderr}");
    stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Bash in the environment of a client command.
fn bash(like: &Command) -> Command {
    let mut command = Command::new("bash");
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[test]
fn bash_completes_commands_options_and_the_names_that_are_there() {
    let dev = Dev::start();
    for id in ["orders", "other", "users"] {
        create(&dev, &format!("dev/{id}"), "t", &[]);
    }
    let offered = |line: &str| offered(&mut bash(&dev.client(&[])), line);
    assert_eq!(offered("kafka2oss conn"), ["connectors"]);
    assert_eq!(offered("kafka2oss connectors dead"), ["dead-letters"]);
    assert_eq!(offered("kafka2oss get connectors --no-h"), ["--no-headers"]);
    assert_eq!(offered("kafka2oss get connectors dev/o"), ["dev/orders", "dev/other"]);
    assert_eq!(offered("kafka2oss connectors pause dev/u"), ["dev/users"]);
    assert_eq!(offered("kafka2oss wait d"), ["dev/orders", "dev/other", "dev/users"]);
    assert_eq!(
        offered("kafka2oss describe connector instances/dev/connectors/u"),
        ["instances/dev/connectors/users"]
    );
    assert_eq!(offered("kafka2oss connectors logs -i dev u"), ["users"]);
    // Options can stand there, too.
    assert_eq!(offered("kafka2oss get instances ").first().map(String::as_str), Some("dev"));
    assert_eq!(offered("kafka2oss get instances d"), ["dev"]);
    assert_eq!(offered("kafka2oss connectors list --instance d"), ["dev"]);
    assert_eq!(offered("kafka2oss agents drain d"), ["dev"]);
    assert!(offered("kafka2oss connectors get dev/nobody").is_empty());
}

#[test]
fn without_a_control_plane_it_is_silent_and_quick() {
    // It takes connections and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let state = tempfile::tempdir().expect("a folder");
    let mut addresses = vec!["127.0.0.1:1".to_owned(), "a b".to_owned()];
    addresses.push(silent.local_addr().expect("an address").to_string());
    for address in addresses {
        let start = Instant::now();
        let mut bash = bash(&kafka2oss(state.path()));
        let offered = offered(bash.env("KAFKA2OSS_ADDRESS", &address), "kafka2oss get agents a");
        assert!(offered.is_empty(), "{address}: {offered:?}");
        // The bound is 1 s; the rest is for a machine that does much else.
        assert!(start.elapsed() < Duration::from_secs(10), "{address}: {:?}", start.elapsed());
    }
}

#[test]
fn every_shell_has_its_script() {
    let state = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = kafka2oss(state.path()).args(["completion", shell]).output().expect("it runs");
        let (script, stderr) = texts(&output);
        assert!(output.status.success(), "{stderr}");
        assert!(script.contains("KAFKA2OSS_COMPLETE") && script.contains("kafka2oss"), "{script}");
    }
}
