//! The files of a characterization: what was asked and planned, and what came of it.

use super::Result;
use super::request::Request;
use seismograd_analysis::{Calibration, Findings, Plan, Run, Search, Summary, read_json, write_json};
use seismograd_report::{Material, write};
use seismograd_trace::{create_directories, runs_table};
use std::path::{Path, PathBuf};

/// The directory of a characterization.
pub struct Files(PathBuf);

impl Files {
    /// Those in a directory, which need not be there yet.
    pub fn at(directory: PathBuf) -> Files {
        Files(directory)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// Where the trials of the search are.
    pub fn search_directory(&self) -> PathBuf {
        self.0.join("search")
    }

    /// Where the runs of a calibration are.
    pub fn calibration_directory(&self) -> PathBuf {
        self.0.join("calibration")
    }

    /// What was asked for, if a characterization was begun here.
    pub fn request(&self) -> Result<Option<Request>> {
        Ok(read_json(&self.request_path())?)
    }

    /// The plan that is there, or the default one.
    pub fn plan(&self) -> Result<Plan> {
        Ok(Plan::read(&self.plan_path())?.unwrap_or_default())
    }

    /// The search that was made here, if any.
    pub fn search(&self) -> Result<Option<Search>> {
        Ok(read_json(&self.0.join("search.json"))?)
    }

    /// The calibration that was made here, if any.
    pub fn calibration(&self) -> Result<Option<Calibration>> {
        Ok(read_json(&self.calibration_path())?)
    }

    /// Writes down what was asked for and what is planned, before any run.
    pub fn begin(&self, request: &Request, plan: &Plan) -> Result<()> {
        if let Some(difference) = self.request()?.and_then(|before| request.differs(&before)) {
            let there = self.0.display();
            return Err(
                format!("{there} holds the answer to another question ({difference}); choose another --out").into()
            );
        }
        create_directories(&self.0)?;
        plan.write(&self.plan_path())?;
        let request = match self.request()? {
            Some(before) if self.summary_path().exists() => request.after(&before),
            _ => request.clone(),
        };
        Ok(write_json(&request, &self.request_path())?)
    }

    /// Writes the search down, or removes one of an earlier request.
    pub fn write_search(&self, search: Option<&Search>) -> Result<()> {
        let path = self.0.join("search.json");
        match search {
            Some(search) => Ok(write_json(search, &path)?),
            None if path.exists() => Ok(std::fs::remove_file(&path)?),
            None => Ok(()),
        }
    }

    /// Writes the calibration down and says where.
    pub fn write_calibration(&self, calibration: &Calibration) -> Result<PathBuf> {
        let path = self.calibration_path();
        write_json(calibration, &path)?;
        Ok(path)
    }

    /// Writes plan, summary, figures and page of runs that are in `runs`, and returns the
    /// findings with what is to be said of their learning rates, and the paths by what they are.
    pub fn write_results(
        &self,
        plan: &Plan,
        findings: &Findings,
        collection: &[Run],
        runs: &Files,
    ) -> Result<(Findings, Vec<(&'static str, PathBuf)>)> {
        create_directories(&self.0)?;
        plan.write(&self.plan_path())?;
        let search = runs.search()?.and_then(|search| search.of(&findings.arms));
        let calibration = runs.calibration()?.filter(|calibration| calibration.is_of(findings));
        let mut findings = findings.clone();
        findings.cautions.extend(search.iter().flat_map(Search::cautions));
        findings.cautions.extend(runs.request()?.and_then(|request| request.caution()));
        let summary = Summary::new(findings, search, calibration);
        let path = self.summary_path();
        write_json(&summary, &path)?;
        let material = Material {
            findings: &summary.findings,
            runs: collection,
            search: summary.search.as_ref(),
            calibration: summary.calibration.as_ref(),
        };
        write(&material, &self.0)?;
        let paths = vec![
            ("page", self.0.join("report.html")),
            ("figures", self.0.join("figures")),
            ("summary", path),
            ("plan", self.plan_path()),
            ("runs", runs_table(&runs.0)),
            ("traces", runs.0.join("runs/**/trace/*.parquet")),
        ];
        Ok((summary.findings, paths))
    }

    fn request_path(&self) -> PathBuf {
        self.0.join("characterize.json")
    }

    fn summary_path(&self) -> PathBuf {
        self.0.join("summary.json")
    }

    fn plan_path(&self) -> PathBuf {
        self.0.join("plan.json")
    }

    fn calibration_path(&self) -> PathBuf {
        self.0.join("calibration.json")
    }
}
