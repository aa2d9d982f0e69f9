//! Job arrays of Slurm: what is submitted, as text. Nothing here starts a program, so all of it is tested without a cluster.
//!
//! A task finds its cell by its place in a list that is written beside the script: a file that grows afterwards changes no task's cell.
//! What is queued is known from those lists and from `squeue`; so a cell whose task is gone is missing, and is submitted again.

use crate::cell::Cell;
use crate::engine::commands::quoted;
use crate::error::SweepError;
use crate::file::Slurm;
use seismograd_trace::{create_directories, write_atomically};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Where the scripts, lists and logs are.
pub struct SlurmFiles(PathBuf);

/// A submitted array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Array {
    /// Slurm's number of the job.
    pub job: u64,
    /// The list of its cells.
    pub list: String,
}

/// The most tasks of an array by what `scontrol show config` prints; Slurm's default where it says nothing.
pub fn most_tasks(config: &str) -> usize {
    let value = config.lines().find_map(|line| line.trim().strip_prefix("MaxArraySize")?.trim().strip_prefix('='));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(1001)
}

/// The tasks in the queue by what `squeue -h -r -o "%F %K"` prints: job and place in its array.
pub fn queued_tasks(queue: &str) -> BTreeSet<(u64, usize)> {
    let task = |line: &str| {
        let (job, place) = line.trim().split_once(' ')?;
        Some((job.parse().ok()?, place.trim().parse().ok()?))
    };
    queue.lines().filter_map(task).collect()
}

impl SlurmFiles {
    /// Those of the sweep in a directory.
    ///
    /// # Errors
    /// When they cannot be created.
    pub fn of(out: &Path) -> Result<SlurmFiles, SweepError> {
        let directory = out.join("slurm");
        create_directories(&directory)?;
        Ok(SlurmFiles(directory))
    }

    fn jobs(&self) -> PathBuf {
        self.0.join("jobs.jsonl")
    }

    /// The ids of cells whose tasks are in the queue.
    ///
    /// # Errors
    /// When a list of an array in the queue cannot be read.
    pub fn queued(&self, tasks: &BTreeSet<(u64, usize)>) -> Result<BTreeSet<String>, SweepError> {
        let jobs = std::fs::read_to_string(self.jobs()).unwrap_or_default();
        let arrays = jobs.lines().filter_map(|line| serde_json::from_str::<Array>(line).ok());
        let mut queued = BTreeSet::new();
        for Array { job, list } in arrays.filter(|array| tasks.iter().any(|(job, _)| *job == array.job)) {
            let path = self.0.join(list);
            let text = std::fs::read_to_string(&path).map_err(SweepError::io("read", &path))?;
            let in_queue = |(place, _): &(usize, &str)| tasks.contains(&(job, *place));
            queued.extend(text.lines().enumerate().filter(in_queue).map(|(_, id)| id.to_owned()));
        }
        Ok(queued)
    }

    /// Writes the list and the script of an array of these cells; `command` carries one through when `--cell ID` follows. Returns the
    /// script's path and the list's name.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write_array(
        &self,
        cells: &[Cell],
        slurm: &Slurm,
        command: &[String],
    ) -> Result<(PathBuf, String), SweepError> {
        // Who makes the file has the number: another submitter takes the next one.
        let mine = |number: &usize| {
            let path = self.0.join(list_name(*number));
            match File::create_new(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => None,
                made => Some(made.map_err(SweepError::io("write", &path)).map(|_| *number)),
            }
        };
        let number = (0..).find_map(|number| mine(&number)).expect("numbers do not end")?;
        let list = list_name(number);
        let ids: String = cells.iter().map(|cell| format!("{}\n", cell.id)).collect();
        let script = array_script(&self.0, &list, cells.len(), slurm, command);
        write_atomically(&self.0.join(&list), |file| file.write_all(ids.as_bytes()))?;
        let path = self.0.join(format!("array-{number:04}.sh"));
        write_atomically(&path, |file| file.write_all(script.as_bytes()))?;
        Ok((path, list))
    }

    /// Writes the script of the report.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_report(&self, slurm: &Slurm, command: &[String]) -> Result<PathBuf, SweepError> {
        let path = self.0.join("report.sh");
        let script = report_script(&self.0, slurm, command);
        write_atomically(&path, |file| file.write_all(script.as_bytes()))?;
        Ok(path)
    }

    /// Notes a submitted array.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn note(&self, array: &Array) -> Result<(), SweepError> {
        let path = self.jobs();
        let line = serde_json::to_string(array).expect("an array of plain fields is JSON");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{line}")).map_err(SweepError::io("write", &path))
    }
}

fn list_name(number: usize) -> String {
    format!("array-{number:04}.cells")
}

/// A task's options as lines of `#SBATCH`, in sbatch's words.
fn options(slurm: &Slurm, lines: &mut String) {
    let mut add = |name: &str, value: Option<String>| {
        value
            .into_iter()
            .for_each(|value| writeln!(lines, "#SBATCH --{name}={}", word(&value)).expect("text takes text"));
    };
    add("partition", slurm.partition.clone());
    add("account", slurm.account.clone());
    add("qos", slurm.qos.clone());
    add("constraint", slurm.constraint.clone());
    add("time", slurm.timeout_min.map(|minutes| minutes.to_string()));
    add("mem", slurm.mem_gb.map(|gigabytes| format!("{:.0}M", 1024.0 * gigabytes)));
    add("cpus-per-task", Some(slurm.cpus_per_task.to_string()));
    slurm.additional_parameters.iter().for_each(|(name, value)| add(name, Some(value.clone())));
}

/// A value as a line of `#SBATCH` takes it.
fn word(value: &str) -> String {
    if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.to_owned() }
}

fn shell(command: &[String]) -> String {
    command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn array_script(directory: &Path, list: &str, tasks: usize, slurm: &Slurm, command: &[String]) -> String {
    let at_once = slurm.array_parallelism.map_or_else(String::new, |most| format!("%{most}"));
    let log = directory.join("%A_%a.log");
    let mut text = format!(
        "#!/bin/sh\n#SBATCH --job-name=seismograd\n#SBATCH --array=0-{}{at_once}\n#SBATCH --output={}\n#SBATCH --open-mode=append\n\
         #SBATCH --requeue\n#SBATCH --signal=B:USR1@{}\n",
        tasks - 1,
        word(&log.to_string_lossy()),
        slurm.signal_delay_s
    );
    options(slurm, &mut text);
    slurm.setup.iter().for_each(|line| writeln!(text, "{line}").expect("text takes text"));
    let list = quoted(&directory.join(list).to_string_lossy());
    let command = shell(command);
    // `exec` makes the sweep the batch process itself: the signal before the time limit is for it.
    write!(
        text,
        "echo \"task $SLURM_ARRAY_TASK_ID on $SLURMD_NODENAME\"\ncell=$(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" {list})\n\
         exec {command} --cell \"$cell\"\n"
    )
    .expect("text takes text");
    text
}

fn report_script(directory: &Path, slurm: &Slurm, command: &[String]) -> String {
    let log = directory.join("report-%j.log");
    let mut text =
        format!("#!/bin/sh\n#SBATCH --job-name=seismograd-report\n#SBATCH --output={}\n", word(&log.to_string_lossy()));
    options(slurm, &mut text);
    slurm.setup.iter().for_each(|line| writeln!(text, "{line}").expect("text takes text"));
    writeln!(text, "exec {} --report", shell(command)).expect("text takes text");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use seismograd_train::{Protocol, RunConfig};

    fn cells(count: u64) -> Vec<Cell> {
        let config = RunConfig::new(Protocol::Standard, "adam", None, &[]).unwrap();
        (0..count).map(|seed| Cell::new(RunConfig { seed, ..config.clone() }, 1)).collect()
    }

    fn command() -> Vec<String> {
        ["/opt/x task", "sweep", "--out", "/data/out"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_script_asks_for_what_the_file_says() {
        let slurm = Slurm {
            partition: Some("gpu".to_owned()),
            timeout_min: Some(30),
            mem_gb: Some(1.5),
            cpus_per_task: 2,
            array_parallelism: Some(8),
            setup: vec!["module load rust".to_owned()],
            additional_parameters: [("nice".to_owned(), "10".to_owned())].into(),
            ..Slurm::default()
        };
        let script = array_script("/data/out/slurm".as_ref(), "array-0000.cells", 100, &slurm, &command());
        for line in [
            "#SBATCH --array=0-99%8",
            "#SBATCH --partition=gpu",
            "#SBATCH --time=30",
            "#SBATCH --mem=1536M",
            "#SBATCH --cpus-per-task=2",
            "#SBATCH --nice=10",
            "#SBATCH --signal=B:USR1@90",
            "#SBATCH --requeue",
            "module load rust",
            "exec '/opt/x task' sweep --out /data/out --cell \"$cell\"",
        ] {
            assert!(script.lines().any(|found| found == line), "{line} is missing:\n{script}");
        }
        // Slurm reads options up to the first line that is a command.
        let setup = script.find("module").unwrap();
        assert!(script.rfind("#SBATCH").unwrap() < setup);
    }

    #[test]
    fn what_is_queued_is_known_from_the_lists() {
        let out = tempfile::tempdir().unwrap();
        let files = SlurmFiles::of(out.path()).unwrap();
        let cells = cells(5);
        for (job, part) in [(7, &cells[..3]), (9, &cells[3..])] {
            let (script, list) = files.write_array(part, &Slurm::default(), &command()).unwrap();
            assert!(script.exists());
            files.note(&Array { job, list }).unwrap();
        }
        let queued = |queue: &str| files.queued(&queued_tasks(queue)).unwrap();
        assert_eq!(queued("7 1\n9 0\n8 0\n11 N/A\n"), [cells[1].id.clone(), cells[3].id.clone()].into());
        assert_eq!(queued(""), BTreeSet::new());
    }

    #[test]
    fn an_array_is_as_long_as_the_cluster_allows() {
        assert_eq!(most_tasks("Foo = 3\nMaxArraySize            = 4001\n"), 4001);
        assert_eq!(most_tasks(""), 1001);
    }
}
