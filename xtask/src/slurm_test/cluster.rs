//! A Slurm cluster of two nodes on loopback, in a temporary directory: authentication, controller and nodes are children of this process.
//!
//! Without cgroups and without accounting, so that a container can have it. What the options mean is in `man slurm.conf`.

use anyhow::{Context, bail, ensure};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The running cluster; dropped, it ends.
pub struct Cluster {
    directory: tempfile::TempDir,
    daemons: Vec<Child>,
}

/// The programs that must be installed.
const PROGRAMS: [&str; 7] = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "runuser"];

/// Why there can be no cluster here, if there can be none.
pub fn absent() -> Option<String> {
    let missing = PROGRAMS.into_iter().find(|program| !installed(program));
    if let Some(program) = missing {
        return Some(format!("{program} is not installed; xtask/slurm/install.sh installs what is needed"));
    }
    // Slurm starts tasks as other users, and munged refuses to run as root.
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let munge = Command::new("id").arg("munge").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match (root, munge.is_ok_and(|status| status.success())) {
        (false, _) => Some("a cluster wants root; run this as root".to_owned()),
        (_, false) => Some("there is no user munge; xtask/slurm/install.sh installs what is needed".to_owned()),
        _ => None,
    }
}

/// Programs of administrators are not in everyone's path.
fn installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').chain(["/usr/sbin", "/sbin"]).any(|directory| Path::new(directory).join(program).is_file())
}

impl Cluster {
    /// Starts the daemons and waits until both nodes are idle.
    pub fn start() -> anyhow::Result<Cluster> {
        let directory =
            tempfile::Builder::new().prefix("seismograd-slurm").tempdir().context("no temporary directory")?;
        let mut cluster = Cluster { directory, daemons: Vec::new() };
        cluster.prepare()?;
        let path = cluster.directory().display().to_string();
        let munge = ["-u", "munge", "--", "/usr/sbin/munged", "--foreground"].map(str::to_owned);
        let files = [
            "socket=munge.socket.2",
            "key-file=munge/key",
            "pid-file=munge/pid",
            "log-file=munge/log",
            "seed-file=munge/seed",
        ];
        let files = files.map(|file| format!("--{}", file.replacen('=', &format!("={path}/"), 1)));
        cluster.daemon("runuser", &[&munge[..], &files].concat())?;
        cluster.wait("munged", |cluster| cluster.directory().join("munge.socket.2").exists())?;
        cluster.daemon("/usr/sbin/slurmctld", &["-D".to_owned()])?;
        for node in ["n1", "n2"] {
            cluster.daemon("/usr/sbin/slurmd", &["-D".to_owned(), "-N".to_owned(), node.to_owned()])?;
        }
        cluster.wait("two idle nodes", |cluster| {
            let states = cluster.run("sinfo", &["-h", "-N", "-o", "%T"]).unwrap_or_default();
            states.lines().count() == 2 && states.lines().all(|state| state == "idle")
        })?;
        Ok(cluster)
    }

    /// Its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What a program prints that is run among the cluster's clients.
    pub fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(program);
        let output = self.environment(&mut command).args(arguments).output();
        let output = output.with_context(|| format!("cannot start {program}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        ensure!(output.status.success(), "{program} {}: {}", arguments.join(" "), text(&output.stderr).trim());
        Ok(text(&output.stdout))
    }

    /// Prints the daemons' and the tasks' last words.
    pub fn print_logs(&self, tasks: &Path) {
        for directory in [self.directory(), tasks] {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if entry.path().extension().is_some_and(|end| end == "log") {
                    let text = fs::read_to_string(entry.path()).unwrap_or_default();
                    let last: Vec<&str> = text.lines().rev().take(15).collect();
                    eprintln!("-- {}", entry.path().display());
                    last.iter().rev().for_each(|line| eprintln!("{line}"));
                }
            }
        }
    }

    fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("SLURM_CONF", self.directory().join("slurm.conf")).stdin(Stdio::null())
    }

    /// The configuration, the directories, and a key that only this cluster has.
    fn prepare(&self) -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        let path = self.directory();
        mode(path, 0o755)?;
        for below in ["munge", "state", "spool-n1", "spool-n2"] {
            fs::create_dir(path.join(below))?;
        }
        let host = self.run("hostname", &[])?;
        fs::write(path.join("slurm.conf"), configuration(path, host.trim(), ports()?))?;
        let key = path.join("munge/key");
        let mut random = [0; 1024];
        std::io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut random)?;
        fs::write(&key, random)?;
        mode(&key, 0o400)?;
        mode(&path.join("munge"), 0o700)?;
        self.run("chown", &["-R", "munge", &path.join("munge").to_string_lossy()])?;
        // The socket's directory must be munged's own to write in, and no one else's.
        self.run("chown", &["munge", &path.to_string_lossy()]).map(drop)
    }

    fn daemon(&mut self, program: &str, arguments: &[String]) -> anyhow::Result<()> {
        let name = arguments.iter().find(|word| word.contains("munged")).map_or(program, |word| word.as_str());
        let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = File::options().create(true).append(true).open(self.directory().join(format!("{name}.log")))?;
        let mut command = Command::new(program);
        self.environment(&mut command).args(arguments).stdout(log.try_clone()?).stderr(log);
        self.daemons.push(command.spawn().with_context(|| format!("cannot start {name}"))?);
        Ok(())
    }

    fn wait(&mut self, what: &str, ready: impl Fn(&Cluster) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !ready(self) {
            let ended = self.daemons.iter_mut().any(|daemon| !matches!(daemon.try_wait(), Ok(None)));
            if ended || begun.elapsed() > Duration::from_secs(60) {
                self.print_logs(self.directory());
                bail!("no {what}; the daemons' logs are above");
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nodes and controller end on SIGTERM and take their tasks with them.
        for daemon in self.daemons.iter_mut().rev() {
            let _ = Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status();
            let begun = Instant::now();
            while matches!(daemon.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(10) {
                sleep(Duration::from_millis(20));
            }
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// Three ports that are free now.
fn ports() -> anyhow::Result<[u16; 3]> {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.as_ref().map_err(|error| anyhow::anyhow!("no free port: {error}"))?.local_addr()?.port();
    }
    Ok(ports)
}

fn configuration(path: &Path, host: &str, [controller, first, second]: [u16; 3]) -> String {
    let path = path.display();
    format!(
        "ClusterName=seismograd\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={controller}\nSlurmUser=root\nSlurmdUser=root\n\
         AuthType=auth/munge\nCredType=cred/munge\nAuthInfo=socket={path}/munge.socket.2\n\
         ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none\n\
         AccountingStorageType=accounting_storage/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n\
         ReturnToService=2\nSlurmdParameters=config_overrides\nMpiDefault=none\nMaxArraySize=6\n\
         SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1\n\
         StateSaveLocation={path}/state\nSlurmdSpoolDir={path}/spool-%n\nSlurmctldPidFile={path}/slurmctld.pid\n\
         SlurmdPidFile={path}/slurmd-%n.pid\nSlurmctldLogFile={path}/controller.log\nSlurmdLogFile={path}/node-%n.log\n\
         NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=1 RealMemory=2000\n\
         NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=1 RealMemory=2000\n\
         PartitionName=test Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP\n"
    )
}
