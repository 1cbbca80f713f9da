//! What is timed, and against what.

/// A case: the arguments that both programs understand, and who runs it.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) args: Vec<String>,
    pub(super) contenders: Vec<Contender>,
}

/// One way to run a case.
#[derive(Clone, Copy)]
pub(super) struct Contender {
    pub(super) name: &'static str,
    /// `snn bench`, rather than peer_bench.py.
    pub(super) ours: bool,
    pub(super) args: &'static [&'static str],
}

const fn ours(name: &'static str, args: &'static [&'static str]) -> Contender {
    Contender { name, ours: true, args }
}

const fn peer(name: &'static str, args: &'static [&'static str]) -> Contender {
    Contender { name, ours: false, args }
}

const SNN_F32: Contender = ours("snn f32", &["--precision", "f32"]);
const SNN_BF16: Contender = ours("snn bf16", &["--precision", "bf16"]);
const EAGER: Contender = peer("spikingjelly f32", &["--lib", "spikingjelly", "--precision", "f32"]);
const EAGER_LAST: Contender = peer(
    "spikingjelly f32 channels-last",
    &["--lib", "spikingjelly", "--precision", "f32", "--channels-last"],
);
/// The strongest where the processor has no unit for bf16.
const COMPILED_F32: Contender = peer(
    "spikingjelly f32 channels-last compiled",
    &["--lib", "spikingjelly", "--precision", "f32", "--channels-last", "--compile"],
);
const COMPILED: Contender = peer(
    "spikingjelly bf16 channels-last compiled",
    &["--lib", "spikingjelly", "--precision", "bf16", "--channels-last", "--compile"],
);
const REFERENCE: Contender = peer(
    "plain PyTorch bf16 channels-last compiled",
    &["--lib", "reference", "--precision", "bf16", "--channels-last", "--compile"],
);

/// Every case, the ones that matter most first.
pub(super) fn cases() -> Vec<Case> {
    let strong = [SNN_F32, SNN_BF16, EAGER, EAGER_LAST, COMPILED_F32, COMPILED, REFERENCE];
    let short = [SNN_F32, SNN_BF16, COMPILED_F32, COMPILED, REFERENCE];
    let mut cases = vec![
        model("train", "resnet19", 32, 4, "1", &strong),
        model("train", "sew_resnet19", 32, 4, "1", &strong),
        model("train", "vgg_snn", 16, 10, "1", &strong),
        model(
            "train",
            "resnet19",
            128,
            4,
            "0.25",
            &[SNN_F32, SNN_BF16, EAGER, COMPILED_F32, COMPILED],
        ),
        model("infer", "resnet19", 1, 4, "1", &strong),
        model("infer", "resnet19", 32, 4, "1", &strong),
        lif(),
    ];
    for t_steps in [1, 2, 8] {
        cases.push(model("train", "resnet19", 32, t_steps, "1", &short));
    }
    cases.push(model("train", "resnet19", 128, 4, "1", &short));
    cases.push(model("train", "sew_resnet19", 128, 4, "1", &short));
    cases
}

fn model(
    what: &str,
    name: &str,
    batch: usize,
    t_steps: usize,
    width: &str,
    contenders: &[Contender],
) -> Case {
    let args = ["--model", name, "--width", width].map(str::to_string);
    let sizes = ["--batch".into(), batch.to_string(), "--t-steps".into(), t_steps.to_string()];
    // Small cases are timed more often.
    let runs = ["--runs".into(), if batch == 1 { "5" } else { "1" }.to_string()];
    let narrow = if width == "1" { String::new() } else { format!(" width {width}") };
    Case {
        name: format!("{what} {name}{narrow} batch {batch} T={t_steps}"),
        args: [what.to_string()].into_iter().chain(args).chain(sizes).chain(runs).collect(),
        contenders: contenders.to_vec(),
    }
}

fn lif() -> Case {
    let args = ["lif", "--shape", "4,32,128,32,32", "--precision", "f32", "--runs", "5"];
    Case {
        name: "LIF layer [4, 32, 128, 32, 32]".into(),
        args: args.map(str::to_string).to_vec(),
        contenders: vec![
            ours("snn f32", &[]),
            peer("spikingjelly f32", &["--lib", "spikingjelly"]),
            peer("spikingjelly f32 compiled", &["--lib", "spikingjelly", "--compile"]),
        ],
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_tell_cases_and_contenders_apart() {
        let cases = super::cases();
        let names: std::collections::BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), cases.len());
        for case in &cases {
            let names: std::collections::BTreeSet<_> =
                case.contenders.iter().map(|who| who.name).collect();
            assert_eq!(names.len(), case.contenders.len(), "{}", case.name);
            assert!(case.contenders[0].ours, "ratios are to ours: {}", case.name);
            assert!(["train", "infer", "lif"].contains(&case.args[0].as_str()));
        }
    }
}
