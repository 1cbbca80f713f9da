//! Tensors that other programs computed: `data/golden/transforms`.

use std::fs;

use safetensors::{Dtype, SafeTensors};
use snn_data::{Event, EventStream};

use crate::util::repository_data;

/// One file's tensors by name.
pub(crate) struct Golden(Vec<u8>);

impl Golden {
    pub(crate) fn open(name: &str) -> Self {
        Self(fs::read(repository_data().join("golden/transforms").join(name)).unwrap())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let mut names: Vec<String> = file.names().into_iter().map(ToString::to_string).collect();
        names.sort();
        names
    }

    pub(crate) fn shape(&self, name: &str) -> Vec<usize> {
        SafeTensors::deserialize(&self.0).unwrap().tensor(name).unwrap().shape().to_vec()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert!(matches!(tensor.dtype(), Dtype::U8 | Dtype::BOOL), "{name}");
        tensor.data().to_vec()
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
        tensor.data().chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect()
    }

    fn ints(&self, name: &str) -> Vec<i32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::I32, "{name}");
        tensor.data().chunks_exact(4).map(|x| i32::from_le_bytes(x.try_into().unwrap())).collect()
    }

    /// The recording whose columns are `name/t`, `name/x`, `name/y` and `name/p`.
    pub(crate) fn stream(&self, name: &str, width: u16, height: u16) -> EventStream {
        let column = |column: &str| self.bytes(&format!("{name}/{column}"));
        let (x, y, p) = (column("x"), column("y"), column("p"));
        let times = self.ints(&format!("{name}/t"));
        let event = |(i, &t): (usize, &i32)| Event {
            t_us: t.try_into().unwrap(),
            x: x[i].into(),
            y: y[i].into(),
            polarity: p[i] == 1,
        };
        let events = times.iter().enumerate().map(event).collect();
        EventStream { width, height, events, skipped_special: 0 }
    }
}
