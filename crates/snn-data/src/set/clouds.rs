//! Point clouds `[3, P]`: ModelNet's meshes sampled, and folders of `.off` or `.xyz` files.

use std::path::{Path, PathBuf};

use super::Opening;
use super::files::{Item, classes, entries, folders, items_of, name};
use super::listed::Listed;
use super::on_demand::Prepare;
use super::part::{folder, owned};
use crate::dataset::{Kind, Samples};
use crate::format::{Mesh, off, xyz};
use crate::random::{permutation, stream, unit};
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
        let class = |path: &PathBuf| path.join("train").is_dir() && path.join("test").is_dir();
        folders(dir).is_ok_and(|classes| classes.iter().any(class))
    };
    let what = "<class>/train/*.off and <class>/test/*.off";
    let dir = folder(opening.config, name_, &[subfolder, "modelnet"], what, holds)?;
    let classes = folders(&dir)?;
    let side = |side| items_of(classes.iter().map(|class| class.join(side)), clouds);
    let names: Vec<String> = classes.iter().map(|path| name(path)).collect();
    splits(opening, &dir, known, &names, (side("train")?, side("test")?))
}

/// Any clouds: `train/<class>/*` and `test/<class>/*`, `.off` or `.xyz`.
pub(super) fn any(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| ["train", "test"].iter().all(|side| dir.join(side).is_dir());
    let what = "train/<class> and test/<class> of .off or .xyz files";
    let dir = folder(opening.config, DatasetName::PointFolder, &[], what, holds)?;
    let names = classes(&dir.join("train"), &dir.join("test"))?;
    let side = |side| items_of(names.iter().map(|class| dir.join(side).join(class)), clouds);
    splits(opening, &dir, split::POINT_FOLDER, &names, (side("train")?, side("test")?))
}

const OBJECTS: [&str; 5] = ["building", "car", "fence", "pole", "tree"];

/// Objects cut out of lidar scans: `NNN.xyz`, of class NNN / 100; even numbers train, odd ones test.
pub(super) fn lidar(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| numbered(dir).is_ok_and(|items| !items.is_empty());
    let (what, subfolders) = ("000.xyz to 499.xyz", ["lidar-objects-500", "lidar_objects"]);
    let dir = folder(opening.config, DatasetName::LidarObjects, &subfolders, what, holds)?;
    let (train, test) = numbered(&dir)?.into_iter().partition::<Vec<_>, _>(|(n, _)| n % 2 == 0);
    let items = |side: Vec<(u32, Item)>| side.into_iter().map(|(_, item)| item).collect();
    let sides = (items(train), items(test));
    splits(opening, &dir, split::LIDAR_OBJECTS, &owned(&OBJECTS), sides)
}

fn numbered(dir: &Path) -> Result<Vec<(u32, Item)>> {
    let number = |path: PathBuf| {
        let number: u32 = path.file_stem()?.to_str()?.parse().ok()?;
        let is_known = (number as usize) < 100 * OBJECTS.len();
        is_known.then(|| (number, Item::new(path, number / 100)))
    };
    Ok(entries(dir, "xyz")?.into_iter().filter_map(number).collect())
}

fn clouds(dir: &Path) -> Result<Vec<PathBuf>> {
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
) -> Result<Splits> {
    let config = opening.config;
    let split = name_of(known, (train.len(), test.len()), config);
    let n_points = config.size.unwrap_or(POINTS);
    let listed = Listed {
        opening,
        root,
        split: &split,
        class_names,
        shape: &[3, n_points],
        kind: Kind::Points,
        about: &format!("{}: {n_points} points, centered, of radius 1", config.name),
        cache: config.cache.as_ref(),
    };
    let set = |items: &[Item], limit| {
        let prepare: Prepare =
            Box::new(move |bytes, _| Ok(Box::new(move |item| sample(bytes, &item.path, n_points))));
        listed.dataset(items, limit, prepare)
    };
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

/// The points of a file, centered, the farthest at distance 1: all x, then all y, then all z.
///
/// The draws are the same for every file: a sample is a function of the file alone.
fn sample(bytes: &[u8], path: &Path, n: usize) -> Result<Samples> {
    let limits = Limits::default();
    let is_mesh = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("off"));
    let mut points = if is_mesh {
        of_mesh(&off(bytes, &limits, path)?, n)
    } else {
        of_cloud(&xyz(bytes, &limits, path)?, n)
    };
    if points.is_empty() {
        return Err(crate::Error::format(path, 0, crate::FormatFault::NoPoints));
    }
    let count = points.len() as f64;
    let center: [f64; 3] = std::array::from_fn(|k| {
        points.iter().filter_map(|p| p.get(k)).map(|&x| f64::from(x)).sum::<f64>() / count
    });
    let mut radius = 0f64;
    for point in &mut points {
        for (x, center) in point.iter_mut().zip(center) {
            *x = (f64::from(*x) - center) as f32;
        }
        radius = radius.max(point.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt());
    }
    let scale = if radius > 0.0 { (1.0 / radius) as f32 } else { 1.0 };
    let axis = |k: usize| points.iter().filter_map(move |point| point.get(k)).map(|x| x * scale);
    Ok(Samples::Frames((0..3).flat_map(axis).collect()))
}

/// `n` points drawn evenly over the surface; none of a mesh without one.
fn of_mesh(mesh: &Mesh, n: usize) -> Vec<[f32; 3]> {
    let corner = |at: u32| mesh.vertices.get(at as usize).map(|p| p.map(f64::from));
    let corners = |&[a, b, c]: &[u32; 3]| Some([corner(a)?, corner(b)?, corner(c)?]);
    let triangles: Vec<[[f64; 3]; 3]> = mesh.triangles.iter().filter_map(corners).collect();
    let mut total = 0.0;
    let until: Vec<f64> = triangles
        .iter()
        .map(|triangle| {
            total += area(triangle);
            total
        })
        .collect();
    if !(total > 0.0 && total.is_finite()) {
        return Vec::new();
    }
    let mut rng = stream(0, "points", 0, 0);
    let mut point = || {
        let at = f64::from(unit(&mut rng)) * total;
        let [a, b, c] = triangles.get(until.partition_point(|&end| end <= at))?;
        let (u, v) = (f64::from(unit(&mut rng)).sqrt(), f64::from(unit(&mut rng)));
        let mix = |((a, b), c): ((&f64, &f64), &f64)| (1.0 - u) * a + u * ((1.0 - v) * b + v * c);
        let mut mixed = a.iter().zip(b).zip(c).map(mix);
        Some([mixed.next()? as f32, mixed.next()? as f32, mixed.next()? as f32])
    };
    (0..n).filter_map(|_| point()).collect()
}

fn area(&[[ax, ay, az], [bx, by, bz], [cx, cy, cz]]: &[[f64; 3]; 3]) -> f64 {
    let (ux, uy, uz) = (bx - ax, by - ay, bz - az);
    let (vx, vy, vz) = (cx - ax, cy - ay, cz - az);
    let normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    normal.iter().map(|x| x * x).sum::<f64>().sqrt() / 2.0
}

/// `n` of the points, each once before any comes twice; none of an empty cloud.
fn of_cloud(points: &[[f32; 3]], n: usize) -> Vec<[f32; 3]> {
    let order = permutation(&mut stream(0, "points", 0, 0), points.len());
    order.iter().cycle().filter_map(|&at| points.get(at)).take(n).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_on_the_surface_by_area() {
        // A square of side 3 in the plane z = 1, and a sliver of a hundredth of its area.
        let vertices = vec![[0., 0., 1.], [3., 0., 1.], [3., 3., 1.], [0., 3., 1.], [0., 0.06, 9.]];
        let mesh = Mesh { vertices, triangles: vec![[0, 1, 2], [0, 2, 3], [0, 0, 4], [0, 1, 1]] };
        let points = of_mesh(&mesh, 2000);
        assert_eq!(points.len(), 2000);
        assert!(points.iter().all(|&[x, y, z]| z == 1.0 && (0.0..=3.0).contains(&x) && y <= 3.0));
        let lower = points.iter().filter(|&&[x, y, _]| y < x).count();
        assert!((900..1100).contains(&lower), "{lower}");
        assert!(of_mesh(&Mesh { triangles: vec![[0, 0, 0]], ..mesh }, 9).is_empty());
    }

    #[test]
    fn cloud_is_centered_and_scaled() {
        let path = Path::new("x.xyz");
        let Samples::Frames(x) = sample(b"1 2 3\n3 2 3\n", path, 2).unwrap() else { panic!() };
        let mut ends = [x[0], x[1]];
        ends.sort_by(f32::total_cmp);
        assert_eq!((ends, &x[2..]), ([-1.0, 1.0], &[0.0; 4][..]));
        let Samples::Frames(x) = sample(b"5 6 7\n", path, 3).unwrap() else { panic!() };
        assert_eq!(x, [0.0; 9]);
        assert!(sample(b"\n", path, 3).is_err());
    }

    #[test]
    fn every_point_comes_before_any_comes_twice() {
        let points: Vec<[f32; 3]> = (0..5u8).map(|i| [i.into(), 0.0, 0.0]).collect();
        let mut drawn: Vec<f32> = of_cloud(&points, 7).iter().map(|p| p[0]).collect();
        drawn.truncate(5);
        drawn.sort_by(f32::total_cmp);
        assert_eq!(drawn, [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(of_cloud(&points, 7).len(), 7);
    }
}
