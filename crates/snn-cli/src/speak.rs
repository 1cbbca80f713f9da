//! What a run says while it goes on: a bar on a terminal, lines in a file.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use snn_data::Opened;
use snn_train::{Beginning, EpochReport, Observer, StepReport};

/// A file gets a line at least so often.
const EVERY: Duration = Duration::from_secs(60);

/// Draws the running epoch on standard error when that is a terminal, and writes a line a minute when it is none.
pub(crate) struct Speaker {
    bar: ProgressBar,
    minute: Minute,
}

/// When the last line was written.
struct Minute(Instant);

impl Minute {
    /// Whether a line is due, which is then taken to be written.
    fn is_over(&mut self, now: Instant) -> bool {
        let is_over = now.duration_since(self.0) >= EVERY;
        if is_over {
            self.0 = now;
        }
        is_over
    }
}

impl Speaker {
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = ProgressBar::new(0);
        if quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = "{msg} [{bar:30}] {pos}/{len}, {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, minute: Minute(Instant::now()) }
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&mut self, done: usize, total: usize, message: String) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        if self.bar.is_hidden() && self.minute.is_over(Instant::now()) {
            tracing::info!("{message}: {done} of {total}");
        }
        self.bar.set_message(message);
    }

    fn line(&mut self, line: &str) {
        self.minute = Minute(Instant::now());
        self.bar.suspend(|| tracing::info!("{line}"));
    }
}

impl Observer for Speaker {
    fn on_open(&mut self, opened: Opened) {
        self.show(opened.done, opened.total, "samples opened".into());
    }

    fn on_begin(&mut self, beginning: &Beginning) {
        self.bar.reset();
        lines(beginning).iter().for_each(|line| self.line(line));
    }

    fn on_evaluate(&mut self, done: usize, total: usize) {
        self.show(done, total, "samples evaluated".into());
    }

    fn on_step(&mut self, report: &StepReport) {
        let message = format!(
            "epoch {}/{} loss {:.4} top-1 {:.2} %",
            report.epoch + 1,
            report.epochs,
            report.loss,
            report.train_top1
        );
        self.show(report.step_in_epoch, report.steps, message);
    }

    fn on_epoch(&mut self, report: &EpochReport) {
        let test = report.test.as_ref().map_or(String::new(), |m| {
            format!(", test top-1 {:.2} %, top-5 {:.2} %", m.top1, m.top5)
        });
        self.line(&format!(
            "epoch {}/{}: loss {:.4}, train top-1 {:.2} %{test}, lr {:.2e}, {:.1} s",
            report.epoch + 1,
            report.epochs,
            report.train_loss,
            report.train_top1,
            report.lr,
            report.clock.seconds
        ));
        if let Some(rates) = report.test.as_ref().map(|test| &test.firing_rates) {
            let rates: Vec<_> =
                rates.iter().map(|(name, rate)| format!("{name} {rate:.4}")).collect();
            self.bar.suspend(|| tracing::debug!("firing rates: {}", rates.join(", ")));
        }
        self.bar.reset();
    }
}

/// What a run is, in a line each: data, model, plan.
fn lines(beginning: &Beginning) -> [String; 3] {
    let Beginning { dataset, split, samples: [train, test], classes, .. } = beginning;
    let Beginning { architecture, t_steps, size, .. } = beginning;
    let Beginning { epochs, phases, steps, batch, taken, threads, engine, .. } = beginning;
    let in_phases = if *phases > 1 { format!(" in {phases} phases") } else { String::new() };
    let from = if *taken > 0 { format!(", from step {taken}") } else { String::new() };
    [
        format!(
            "data: {dataset} ({split}), {train} training and {test} test samples, {classes} classes"
        ),
        format!(
            "model: {architecture}, {} parameters, {} MACs a sample over T = {t_steps}, {} LIF layers",
            size.parameters, size.macs, size.lif_layers
        ),
        format!(
            "plan: {epochs} epochs{in_phases}, {steps} steps of {batch} samples, {threads} threads, engine {engine}{from}"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_over_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut minute = Minute(start);
        let told: Vec<u64> = (0..200).filter(|second| minute.is_over(at(*second))).collect();
        assert_eq!(told, [60, 120, 180]);
    }

    #[test]
    fn a_run_says_what_it_is() {
        let size = snn_models::Size {
            parameters: 12,
            macs: 34,
            lif_layers: 5,
            ..snn_models::Size::default()
        };
        let beginning = Beginning {
            dataset: "d".into(),
            split: "d/s".into(),
            samples: [6, 7],
            classes: 8,
            architecture: "a",
            t_steps: 4,
            size,
            epochs: 9,
            phases: 1,
            steps: 18,
            batch: 3,
            taken: 0,
            threads: 2,
            engine: "e",
        };
        let said = [
            "data: d (d/s), 6 training and 7 test samples, 8 classes",
            "model: a, 12 parameters, 34 MACs a sample over T = 4, 5 LIF layers",
            "plan: 9 epochs, 18 steps of 3 samples, 2 threads, engine e",
        ];
        assert_eq!(lines(&beginning), said);
        let resumed = Beginning { phases: 2, taken: 5, ..beginning };
        assert_eq!(
            lines(&resumed)[2],
            "plan: 9 epochs in 2 phases, 18 steps of 3 samples, 2 threads, engine e, from step 5"
        );
    }
}
