//! Point clouds `[3, 1, P]`: ModelNet's meshes sampled, and folders of `.off` or `.xyz` files.

use std::path::{Path, PathBuf};

use super::files::{
    Item, classes, entries, folders, is_folder, items_of, known_as, name, passed_over,
};
use super::folder::{all, folder, owned, unpacked};
use super::listed::Listed;
use super::on_demand::Prepare;
use super::opening::Opening;
use crate::preprocess::{Clouds, Preprocess};
use crate::samples::Samples;
use crate::split::{self, Split, name_of};
use crate::{DatasetName, Limits, Result, Splits};

/// Points of a cloud when the configuration's `size` names no other number.
const POINTS: usize = 1024;

/// ModelNet10 and ModelNet40: `<class>/train/*.off` and `<class>/test/*.off`.
pub(super) fn modelnet(opening: &Opening<'_>, ten: bool) -> Result<Splits> {
    let (name_, subfolder, known) = if ten {
        (DatasetName::ModelNet10, "ModelNet10", split::MODELNET10)
    } else {
        (DatasetName::ModelNet40, "ModelNet40", split::MODELNET40)
    };
    let holds = |dir: &Path| {
        for class in folders(dir)? {
            if all(["train", "test"], |side| is_folder(&class.join(side)))? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let what = "<class>/train/*.off and <class>/test/*.off";
    let dir = folder(opening.config, name_, &[subfolder, "modelnet"], what, holds)?;
    let classes = folders(&dir)?;
    let side = |side| items_of(classes.iter().map(|class| class.join(side)), shapes);
    let names: Vec<String> = classes.iter().map(|path| name(path)).collect();
    splits(opening, &dir, known, &names, (side("train")?, side("test")?), None)
}

/// Any clouds: `train/<class>/*` and `test/<class>/*`, `.off` or `.xyz`.
pub(super) fn any(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| all(["train", "test"], |side| is_folder(&dir.join(side)));
    let what = "train/<class> and test/<class> of .off or .xyz files";
    let dir = folder(opening.config, DatasetName::PointFolder, &[], what, holds)?;
    let [train, test] = ["train", "test"].map(|side| unpacked(&dir.join(side), true));
    let (train, test) = (train?, test?);
    let names = classes(&train, &test)?;
    let side = |side: &Path, usual| -> Result<Vec<Item>> {
        let items = items_of(names.iter().map(|class| side.join(class)), shapes)?;
        Ok(known_as(items, side, usual))
    };
    let sides = (side(&train, "train")?, side(&test, "test")?);
    let of_classes = [&train, &test].map(|side| names.iter().map(|class| side.join(class)));
    let of_classes: Vec<PathBuf> = of_classes.into_iter().flatten().collect();
    let others = passed_over(&of_classes, &["off", "xyz"])?;
    splits(opening, &dir, split::POINT_FOLDER, &names, sides, Some(&Vec::from_iter(others)))
}

const OBJECTS: [&str; 5] = ["building", "car", "fence", "pole", "tree"];

/// Objects cut out of lidar scans: `NNN.xyz`, of class NNN / 100; even numbers train, odd ones test.
pub(super) fn lidar(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| Ok(!numbered(dir)?.is_empty());
    let (what, subfolders) = ("000.xyz to 499.xyz", ["lidar-objects-500", "lidar_objects"]);
    let dir = folder(opening.config, DatasetName::LidarObjects, &subfolders, what, holds)?;
    let (train, test) = numbered(&dir)?.into_iter().partition::<Vec<_>, _>(|(n, _)| n % 2 == 0);
    let items = |side: Vec<(u32, Item)>| side.into_iter().map(|(_, item)| item).collect();
    let sides = (items(train), items(test));
    splits(opening, &dir, split::LIDAR_OBJECTS, &owned(&OBJECTS), sides, None)
}

fn numbered(dir: &Path) -> Result<Vec<(u32, Item)>> {
    let number = |path: PathBuf| {
        let number: u32 = path.file_stem()?.to_str()?.parse().ok()?;
        let is_known = (number as usize) < 100 * OBJECTS.len();
        is_known.then(|| (number, Item::new(path, number / 100)))
    };
    Ok(entries(dir, "xyz")?.into_iter().filter_map(number).collect())
}

fn shapes(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = entries(dir, "off")?;
    paths.extend(entries(dir, "xyz")?);
    Ok(paths)
}

fn splits(
    opening: &Opening<'_>,
    root: &Path,
    known: &[Split],
    class_names: &[String],
    (train, test): (Vec<Item>, Vec<Item>),
    of_folders: Option<&Vec<String>>,
) -> Result<Splits> {
    let config = opening.config;
    let split = name_of(known, (train.len(), test.len()), config);
    let clouds = Clouds { points: config.size.unwrap_or(POINTS), radius: config.radius };
    Preprocess::Clouds(clouds).check()?;
    let radius = clouds.radius.map_or("of radius 1".into(), |radius| format!("{radius} becomes 1"));
    let listed = Listed {
        opening,
        root,
        split: &split,
        class_names,
        preprocess: &Preprocess::Clouds(clouds),
        about: &format!("{}: {} points, centered, {radius}", config.name, clouds.points),
        cache: config.cache.as_ref(),
        whole: None,
        of_folders: of_folders.map(Vec::as_slice),
    };
    let set = |side, items: &[Item], limit| {
        let prepare: Prepare = Box::new(move |bytes, _| {
            let points = move |item: &Item| clouds.read(bytes, &Limits::default(), &item.path);
            Ok(Box::new(move |item| points(item).map(Samples::Frames)))
        });
        listed.dataset(side, items, limit, prepare)
    };
    Ok(Splits {
        train: set("training", &train, config.limit_train)?,
        test: set("test", &test, config.limit_test)?,
    })
}
