//! The memory that this process may use: the machine's, or less where a cgroup
//! limits it.

use std::path::{Path, PathBuf};

/// The smallest default budget: room for a few objects and their prefetch.
const MIN_DEFAULT_BUDGET: u64 = 64 << 20;

/// What is assumed where neither the machine nor a cgroup tells: four times the
/// smallest default budget.
const UNKNOWN_MEMORY: u64 = 4 * MIN_DEFAULT_BUDGET;

/// Bytes that this process may use: the least of the machine's memory and the
/// limits of its cgroup (version 2 and version 1) and of those around it.
///
/// Reads small files of the kernel, so call it once, at the start. 256 MiB
/// where there is nothing to read.
pub fn available_memory() -> u64 {
    available_under(Path::new("/"))
}

/// The budget in bytes where none is set: a quarter of what this process may
/// use, but at least 64 MiB.
pub fn default_budget() -> u64 {
    budget_of(available_memory())
}

fn budget_of(available: u64) -> u64 {
    (available / 4).max(MIN_DEFAULT_BUDGET)
}

/// The same as [`available_memory`], with the kernel's files under `root`.
fn available_under(root: &Path) -> u64 {
    let read = |path: PathBuf| std::fs::read_to_string(path).ok();
    let machine = read(root.join("proc/meminfo")).and_then(|text| machine_memory(&text));
    let own = read(root.join("proc/self/cgroup")).unwrap_or_default();
    let cgroups = limit_files(&own)
        .into_iter()
        .filter_map(|path| read(root.join("sys/fs/cgroup").join(path)))
        .filter_map(|text| cgroup_limit(&text));
    machine.into_iter().chain(cgroups).min().unwrap_or(UNKNOWN_MEMORY)
}

/// `MemTotal` of `/proc/meminfo`, in bytes. Its `kB` are 1,024 bytes (proc(5)).
fn machine_memory(meminfo: &str) -> Option<u64> {
    let value = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// A cgroup's limit in bytes; `None` where there is none. Version 2 says `max`
/// then; version 1 a number beyond any machine's memory, which needs no care.
fn cgroup_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The files that may hold a limit, relative to `/sys/fs/cgroup`: for each
/// hierarchy with memory in `/proc/self/cgroup`, those of its root, of the
/// process's own cgroup and of all between, since each limits what is below.
///
/// Inside a container the path may be the host's, of which only the root is
/// there; so the root is always asked.
fn limit_files(own_cgroups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut add = |mount: &str, file: &str, cgroup: &str| {
        let mut folder = PathBuf::from(mount);
        files.push(folder.join(file));
        // A `..` leads out of the cgroup namespace: nothing of it is visible.
        for name in cgroup.split('/').filter(|name| !name.is_empty() && *name != "..") {
            folder.push(name);
            files.push(folder.join(file));
        }
    };
    // Lines are `{hierarchy}:{controllers}:{path}` (cgroups(7)).
    let lines: Vec<(&str, &str)> =
        own_cgroups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':')).collect();
    let v2 = lines.iter().find(|(controllers, _)| controllers.is_empty());
    add("", "memory.max", v2.map_or("", |(_, path)| path));
    let v1 =
        lines.iter().find(|(controllers, _)| controllers.split(',').any(|name| name == "memory"));
    add("memory", "memory.limit_in_bytes", v1.map_or("", |(_, path)| path));
    files
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const GIB: u64 = 1 << 30;
    const MEMINFO: &str = "MemTotal:        8388608 kB\nMemFree:          524288 kB\n";

    /// What is available where the kernel's files say this.
    fn available(files: &[(&str, &str)]) -> u64 {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        available_under(root.path())
    }

    #[test]
    fn memory_of_the_machine_is_read_in_kibibytes() {
        let cases = [
            (MEMINFO, Some(8 * GIB)),
            ("MemFree: 1 kB\nMemTotal: 2 kB\n", Some(2048)),
            ("MemTotal: 2\n", None),
            ("MemTotal: many kB\n", None),
            ("MemTotal: 18446744073709551615 kB\n", None),
            ("", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(machine_memory(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn a_limit_is_a_number_of_bytes_or_none() {
        for (text, bytes) in
            [("1073741824\n", Some(GIB)), ("max\n", None), ("", None), ("-1\n", None)]
        {
            assert_eq!(cgroup_limit(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn the_cgroups_around_the_own_one_are_asked_too() {
        let cases = [
            ("", vec!["memory.max", "memory/memory.limit_in_bytes"]),
            (
                "0::/a/b\n",
                vec![
                    "memory.max",
                    "a/memory.max",
                    "a/b/memory.max",
                    "memory/memory.limit_in_bytes",
                ],
            ),
            (
                "4:cpu,memory:/docker/c:1\n0::/\n",
                vec![
                    "memory.max",
                    "memory/memory.limit_in_bytes",
                    "memory/docker/memory.limit_in_bytes",
                    "memory/docker/c:1/memory.limit_in_bytes",
                ],
            ),
            (
                "0::/../../x\nnonsense\n",
                vec!["memory.max", "x/memory.max", "memory/memory.limit_in_bytes"],
            ),
        ];
        for (text, files) in cases {
            let expected: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
            assert_eq!(limit_files(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_least_of_machine_and_cgroups_is_available() {
        let own = ("proc/self/cgroup", "4:memory:/docker/c\n0::/pod/c\n");
        let machine = ("proc/meminfo", MEMINFO);
        let one = "1073741824\n";
        let two = "2147483648\n";
        let unlimited_v1 = "9223372036854771712\n";
        let cases: [(&[(&str, &str)], u64); 7] = [
            (&[machine], 8 * GIB),
            (&[machine, ("sys/fs/cgroup/memory.max", one)], GIB),
            (&[machine, own, ("sys/fs/cgroup/memory.max", "max\n")], 8 * GIB),
            (
                &[
                    machine,
                    own,
                    ("sys/fs/cgroup/pod/memory.max", one),
                    ("sys/fs/cgroup/pod/c/memory.max", two),
                ],
                GIB,
            ),
            (&[machine, own, ("sys/fs/cgroup/memory/memory.limit_in_bytes", two)], 2 * GIB),
            (
                &[
                    machine,
                    own,
                    ("sys/fs/cgroup/memory/memory.limit_in_bytes", unlimited_v1),
                    ("sys/fs/cgroup/memory/docker/c/memory.limit_in_bytes", one),
                ],
                GIB,
            ),
            (&[], 256 << 20),
        ];
        for (files, bytes) in cases {
            assert_eq!(available(files), bytes, "{files:?}");
        }
    }

    #[test]
    fn a_default_budget_is_a_quarter_but_never_tiny() {
        assert_eq!(budget_of(8 * GIB), 2 * GIB);
        assert_eq!(budget_of(1 << 20), 64 << 20);
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(available_memory() > 0);
        assert!(default_budget() >= MIN_DEFAULT_BUDGET);
    }
}
