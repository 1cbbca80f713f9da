//! Recipes: defaults, overrides, and errors that name the key.

use snn_losses::{Loss, Ramp};
use snn_train::{Error, OptimizerKind, Recipe, ScheduleKind};

use crate::util::TINY;

fn parse(text: &str, sets: &[&str]) -> snn_train::Result<Recipe> {
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    Recipe::parse(text, "r.toml", &sets)
}

const LEAST: &str = "
[data]
name = \"synthetic\"
[model]
architecture = \"vgg_snn\"
t_steps = 4
[schedule]
epochs = 600
";

#[test]
fn defaults_are_the_papers() {
    let recipe = parse(LEAST, &[]).unwrap();
    assert_eq!((recipe.seed, recipe.train.batch, recipe.train.keep), (42, 128, 2));
    assert_eq!((recipe.neuron.tau, recipe.neuron.v_threshold), (2.0, 0.5));
    assert_eq!(recipe.loss, Loss::CrossEntropy);
    let optimizer = &recipe.optimizer;
    assert_eq!((optimizer.lr, optimizer.weight_decay()), (5e-3 * 128.0 / 1024.0, 0.01));
    let schedule = &recipe.schedule;
    assert_eq!((schedule.warmup_epochs, schedule.warmup_lr, schedule.min_lr), (5, 1e-6, 1e-5));
    assert_eq!(schedule.kind, ScheduleKind::Cosine);
}

#[test]
fn unknown_keys_are_refused_with_name_and_line() {
    let tables = ["data", "model", "neuron", "loss", "optimizer", "schedule", "train"];
    for table in tables {
        let header = format!("[{table}]\n");
        let text = match LEAST.contains(&header) {
            true => LEAST.replace(&header, &format!("{header}nonsense = 1\n")),
            false => format!("{LEAST}{header}nonsense = 1\n"),
        };
        let line = 1 + text.lines().position(|l| l.starts_with("nonsense")).unwrap();
        let error = parse(&text, &[]).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Recipe { .. }) && error.exit_code() == 1);
        assert!(message.contains("nonsense"), "{message}");
        assert!(message.contains(&format!("line {line}")), "{message}");
        // An override does not hide where the text is wrong.
        let message = parse(&text, &["seed=1"]).unwrap_err().to_string();
        assert!(message.contains(&format!("line {line}")), "{message}");
    }
    assert!(parse(&format!("nonsense = 1\n{LEAST}"), &[]).is_err());
    let augment = LEAST.replace("[model]", "augment = { flop = true }\n[model]");
    assert!(parse(&augment, &[]).unwrap_err().to_string().contains("flop"));
}

#[test]
fn overrides_replace_values_before_they_are_checked() {
    let sets = ["seed=1", "loss.kind=tks-paper", "data.augment.flip=true", "optimizer.kind=sgd"];
    let recipe = parse(LEAST, &sets).unwrap();
    let paper = Loss::TksPaper { alpha: 0.7, temperature: 3.0, ramp: Ramp::Paper };
    assert_eq!((recipe.seed, recipe.loss), (1, paper));
    assert!(recipe.data.augment.flip && recipe.optimizer.kind == OptimizerKind::Sgd);
    assert_eq!(recipe.optimizer.weight_decay(), 0.0);
    let error = parse(LEAST, &["train.bach=1"]).unwrap_err().to_string();
    assert!(error.contains("--set train.bach=1") && error.contains("bach"), "{error}");
    let missing = LEAST.replace("epochs = 600", "");
    assert_eq!(parse(&missing, &["schedule.epochs=3"]).unwrap().schedule.epochs, Some(3));
}

#[test]
fn values_out_of_range_are_typed_errors() {
    let sets = [
        "data.t_steps=0",
        "data.limit_train=0",
        "data.augment.rotate_degrees=200",
        "data.augment.random_erasing=1.5",
        "data.augment.roll=99999",
        "model.width=0",
        "loss.epsilon=1.5 of ls",
        "loss.alpha=-0.1 of tks",
        "loss.temperature=0 of tks-paper",
        "optimizer.lr=nan",
        "optimizer.lr=inf",
        "optimizer.betas=[1.0, 0.9]",
        "optimizer.weight_decay=-1",
        "schedule.epochs=0",
        "schedule.min_lr=nan",
        "train.batch=0",
        "train.keep=0",
        "train.eval_every=0",
        "train.loss_limit=1",
    ];
    for set in sets {
        let (set, kind) = set.split_once(" of ").unwrap_or((set, "ce"));
        let error = parse(LEAST, &[set, &format!("loss.kind={kind}")]).unwrap_err();
        let key = set.split('=').next().unwrap();
        assert!(matches!(&error, Error::Setting { field, .. } if *field == key), "{set}: {error}");
    }
    for set in ["neuron.tau=0", "neuron.surrogate=relu", "train.precision=f16", "seed=-1"] {
        assert_eq!(parse(LEAST, &[set]).unwrap_err().exit_code(), 1, "{set}");
    }
}

#[test]
fn augmentations_default_to_their_papers_and_contradictions_name_the_field() {
    let tables = ["rand_augment={}", "random_resized_crop={}", "nda={ roll = 3 }"];
    let sets = tables.map(|set| format!("data.augment.{set}"));
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let recipe = parse(LEAST, &sets).unwrap();
    let augment = recipe.data.augment;
    assert_eq!(augment.rand_augment, Some(Default::default()));
    assert_eq!(augment.random_resized_crop, Some(Default::default()));
    assert_eq!(augment.nda.map(|nda| (nda.roll, nda.rotate_degrees)), Some((3, 30.0)));
    assert_eq!(parse(&recipe.to_toml().unwrap(), &[]).unwrap(), recipe);
    for (set, field) in [
        ("data.augment={ rand_augment = {}, auto_augment = \"cifar10\" }", "auto_augment"),
        ("data.augment={ rand_augment = {}, color_jitter = 0.4 }", "color_jitter"),
        ("data.augment={ random_resized_crop = {}, crop_padding = 4 }", "crop_padding"),
        ("data.augment={ random_resized_crop = { scale = [0.5, 0.1] } }", "random_resized_crop"),
        ("data.augment={ rand_augment = { magnitude = 11 } }", "rand_augment.magnitude"),
        ("data.augment={ nda = { shear_degrees = 90 } }", "nda.shear_degrees"),
    ] {
        let error = parse(LEAST, &[set]).unwrap_err();
        assert!(error.exit_code() == 1 && error.to_string().starts_with(field), "{error}");
    }
}

#[test]
fn framings_and_changes_are_written_with_the_names_that_recipes_have() {
    let data = |sets: &[&str]| {
        // Recordings, for what is written of pictures is a matter of names alone.
        let sets = [&["data.name=synthetic_events", "data.t_steps=4"], sets].concat();
        let least = LEAST.replace("t_steps = 4\n", "");
        let text = parse(&least, &sets).unwrap().to_toml().unwrap();
        let data = text.split("[data]\n").nth(1).unwrap().split("\n[model]").next().unwrap();
        data.split_once("frames_by").map(|(_, rest)| format!("frames_by{rest}")).unwrap()
    };
    let pictures = "data.augment={ random_resized_crop = { interpolation = \"bicubic\" }, flip = true, \
        rand_augment = { magnitude = 7.5 }, rotate_degrees = 15.0, cutout = 8, random_erasing = 0.2, mixup = 0.3, \
        cutmix = 1.0 }";
    assert_eq!(
        data(&["data.frames_by=count-even", pictures]),
        "\
frames_by = \"count-even\"
class_balanced = false

[data.augment]
crop_padding = 0
flip = true
rotate_degrees = 15.0
cutout = 8
random_erasing = 0.2
mixup = 0.3
cutmix = 1.0

[data.augment.random_resized_crop]
scale = [0.08, 1.0]
ratio = [0.75, 1.3333334]
interpolation = \"bicubic\"

[data.augment.rand_augment]
magnitude = 7.5
std = 0.5
layers = 2
probability = 0.5
"
    );
    let policy = "data.augment={ random_resized_crop = {}, auto_augment = \"imagenet\" }";
    assert_eq!(
        data(&["data.frames_by=count", policy]),
        "\
frames_by = \"count\"
class_balanced = false

[data.augment]
crop_padding = 0
flip = false
auto_augment = \"imagenet\"
rotate_degrees = 0.0
cutout = 0

[data.augment.random_resized_crop]
scale = [0.08, 1.0]
ratio = [0.75, 1.3333334]
interpolation = \"random\"
"
    );
    let events =
        "data.augment={ roll = 3, nda = { roll = 2 }, time_reversal = 0.25, polarity_flip = 0.1 }";
    assert_eq!(
        data(&["data.frames_by=time-whole", events]),
        "\
frames_by = \"time-whole\"
class_balanced = false

[data.augment]
crop_padding = 0
flip = false
rotate_degrees = 0.0
roll = 3
time_reversal = 0.25
polarity_flip = 0.1
cutout = 0

[data.augment.nda]
roll = 2
rotate_degrees = 30.0
shear_degrees = 30.0
"
    );
    for set in ["data.frames_by=number", "data.augment={ auto_augment = \"svhn\" }"] {
        assert_eq!(parse(LEAST, &[set]).unwrap_err().exit_code(), 1, "{set}");
    }
    let nearest = "data.augment={ random_resized_crop = { interpolation = \"nearest\" } }";
    assert!(parse(LEAST, &[nearest]).unwrap_err().to_string().contains("nearest"));
}

#[test]
fn changes_that_are_off_leave_the_recipe_as_it_was() {
    let text = parse(LEAST, &[]).unwrap().to_toml().unwrap();
    let augment = text.split("[data.augment]\n").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_eq!(augment, "crop_padding = 0\nflip = false\nrotate_degrees = 0.0\ncutout = 0");
}

#[test]
fn recomputation_is_in_the_recipe_only_when_it_is_asked_for() {
    let recipe = parse(LEAST, &["train.recompute=stage"]).unwrap();
    assert_eq!(parse(&recipe.to_toml().unwrap(), &[]).unwrap(), recipe);
    assert!(!parse(LEAST, &[]).unwrap().to_toml().unwrap().contains("recompute ="));
    let error = parse(LEAST, &["train.recompute=block"]).unwrap_err().to_string();
    assert!(error.contains("train.recompute") && error.contains("`stage`"), "{error}");
    // The name it had.
    assert_eq!(parse(LEAST, &["train.checkpoint=stage"]).unwrap(), recipe);
}

#[test]
fn keys_that_never_change_weights_are_not_in_the_hash() {
    let hash = |sets: &[&str]| parse(LEAST, sets).unwrap().hash().unwrap();
    for set in [
        "train.workers=3",
        "train.keep=9",
        "train.eval_every=5",
        "train.checkpoint_every=7",
        "train.recompute=stage",
        "train.loss_limit=10",
        "train.log_steps=true",
    ] {
        assert_eq!(hash(&[]), hash(&[set]), "{set}");
    }
    for set in ["train.batch=64", "train.steps_per_epoch=3", "model.t_steps=2", "loss.kind=tet"] {
        assert_ne!(hash(&[]), hash(&[set]), "{set}");
    }
}

#[test]
fn steps_of_still_samples_are_the_models() {
    let still = parse(LEAST, &[]).unwrap();
    let old = LEAST.replace("t_steps = 4\n", "").replace("[model]", "t_steps = 4\n[model]");
    assert_eq!(parse(&old, &[]).unwrap(), still);
    assert_eq!((still.t_steps(), still.model.t_steps, still.data.t_steps), (4, Some(4), None));
    assert_eq!(parse(LEAST, &["data.t_steps=4"]).unwrap(), still);
    let events = ["data.name=nmnist", "data.t_steps=10"];
    let recipe = parse(&old, &events).unwrap();
    assert_eq!((recipe.t_steps(), recipe.model.t_steps), (10, None));
    let no_steps = LEAST.replace("t_steps = 4\n", "");
    for (text, sets, field) in [
        (LEAST, &["data.t_steps=2"][..], "data.t_steps"),
        (LEAST, &events, "model.t_steps"),
        (&no_steps, &[], "model.t_steps"),
        (&no_steps, &events[..1], "data.t_steps"),
    ] {
        let error = parse(text, sets).unwrap_err();
        let is_named = matches!(&error, Error::Setting { field: got, .. } if got == field);
        assert!(is_named && error.exit_code() == 1, "{error}");
    }
}

#[test]
fn a_key_of_another_loss_is_refused_unless_all_are_there() {
    let error = parse(LEAST, &["loss.kind=tet", "loss.alpha=0.7"]).unwrap_err().to_string();
    assert!(error.contains("`alpha` belongs to `tks` and `tks-paper`"), "{error}");
    // Format 1 wrote the constants of all losses out.
    let all = "[loss]\nkind = \"tks\"\nepsilon = 0.1\nlambda = 0.0\nmean = 1.0\nalpha = 0.5\ntemperature = 3.0\n";
    let recipe = parse(&format!("{LEAST}{all}"), &[]).unwrap();
    assert_eq!(recipe.loss, Loss::Tks { alpha: 0.5, temperature: 3.0, ramp: Ramp::Released });
    let recipe = parse(&format!("{LEAST}{all}"), &["loss.kind=ls"]).unwrap();
    assert_eq!(recipe.loss, Loss::LabelSmoothing { epsilon: 0.1 });
}

#[test]
fn written_out_recipe_means_the_same() {
    let recipe = parse(TINY, &["optimizer.lr=0.1", "data.augment.cutout=4"]).unwrap();
    let again = parse(&recipe.to_toml().unwrap(), &[]).unwrap();
    assert_eq!(recipe, again);
    assert_eq!(recipe.hash().unwrap(), again.hash().unwrap());
    assert_ne!(recipe.hash().unwrap(), parse(TINY, &[]).unwrap().hash().unwrap());
}

#[test]
fn reference_of_the_keys_is_what_the_types_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/recipes/README.md");
    let is = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        is == snn_train::recipe_reference(),
        "write it anew: snn recipe --markdown > data/recipes/README.md"
    );
}

#[test]
fn defaults_of_the_losses_are_what_the_reference_says() {
    for key in snn_train::recipe_keys() {
        let Some(name) = key.name.strip_prefix("loss.").filter(|name| *name != "kind") else {
            continue;
        };
        let kind = key.meaning.split('`').nth(1).unwrap();
        let recipe = parse(LEAST, &[&format!("loss.kind={kind}")]).unwrap();
        let is = toml::Table::try_from(&recipe.loss).unwrap()[name].clone();
        let is = is.as_str().map_or_else(|| is.as_float().unwrap().to_string(), str::to_string);
        assert_eq!(format!("`{is}`"), key.default, "{kind} {name}");
    }
}

#[test]
fn missing_file_is_a_usage_error() {
    let error = Recipe::load("/no/such/recipe.toml".as_ref(), &[]).unwrap_err();
    assert!(error.exit_code() == 1 && error.to_string().contains("/no/such/recipe.toml"));
}
