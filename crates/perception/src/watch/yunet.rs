//! Faces in single pictures: YuNet (Wu et al., "YuNet: a tiny millisecond-level face detector", 2023).

use omniva_contracts::streams::Picture;
use omniva_contracts::{Fault, Rect};
use ort::session::Session;
use ort::value::TensorRef;

use super::tiles::{Layout, SIDE, Scaler};
use crate::runtime::{Runtime, failed, mismatch};

/// The model, inside the models folder.
pub const FILE: &str = "yunet.onnx";
pub const NAME: &str = "YuNet 2023mar";
/// Below this nothing is reported. The tracker decides what it believes.
pub const LOWEST_SCORE: f32 = 0.35;
/// Boxes that share more than this are the same face.
const SAME_FACE: f64 = 0.3;
/// Most faces reported a picture: a crowd costs bounded time.
const MOST_FACES: usize = 32;
const STRIDES: [usize; 3] = [8, 16, 32];
const LANDMARKS: usize = 5;

/// One face, in pixels of the picture it was found in.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    pub rect: Rect,
    /// 0..1
    pub score: f32,
    /// Middle between the eyes, and between the corners of the mouth.
    pub eyes: (f64, f64),
    pub mouth: (f64, f64),
}

pub struct Detector {
    session: Session,
    input: Vec<f32>,
    layout: Option<(Layout, Scaler)>,
}

impl Detector {
    /// Errors: `model_missing`, `model_mismatch`.
    pub fn new(runtime: &Runtime, threads: usize) -> Result<Detector, Fault> {
        let session = runtime.session(FILE, threads)?;
        Ok(Detector { session, input: vec![0.0; 3 * SIDE * SIDE], layout: None })
    }

    /// How many pictures of this size one call of [`Detector::detect`] takes at the price of one.
    pub fn capacity(width: usize, height: usize) -> usize {
        Layout::new(width, height).map_or(1, |l| l.count)
    }

    /// Faces of each picture, best first. The pictures have one size, at most [`Detector::capacity`] of them are looked at.
    ///
    /// Errors: `model_failed`; `internal` for pictures that contradict their own size.
    pub fn detect(&mut self, pictures: &[Picture<'_>]) -> Result<Vec<Vec<Detection>>, Fault> {
        let Some(first) = pictures.first() else { return Ok(Vec::new()) };
        let layout = self.prepare(first)?;
        for (index, picture) in pictures.iter().enumerate().take(layout.count) {
            let written = self.layout.as_mut().is_some_and(|(_, scaler)| scaler.write(picture, index, &mut self.input));
            if !written {
                return Err(Fault::internal("a picture for face detection contradicts its size"));
            }
        }
        let found = self.run()?;
        Ok((0..pictures.len()).map(|index| in_picture(&found, &layout, index)).collect())
    }

    fn prepare(&mut self, picture: &Picture<'_>) -> Result<Layout, Fault> {
        match &self.layout {
            Some((layout, _)) if layout.picture == (picture.width, picture.height) => Ok(*layout),
            _ => {
                let layout = Layout::new(picture.width, picture.height)
                    .ok_or_else(|| Fault::internal("a picture for face detection has no pixels"))?;
                self.input.fill(0.0);
                self.layout = Some((layout, Scaler::new(layout)));
                Ok(layout)
            }
        }
    }

    /// Everything above the lowest score, in pixels of the input.
    fn run(&mut self) -> Result<Vec<Detection>, Fault> {
        let fail = |e: ort::Error| failed("face detection", e);
        let tensor = TensorRef::from_array_view(([1usize, 3, SIDE, SIDE], self.input.as_slice())).map_err(fail)?;
        let outputs = self.session.run(ort::inputs!["input" => tensor]).map_err(fail)?;
        let plane = |name: &str, stride: usize, width: usize| -> Result<&[f32], Fault> {
            let name = format!("{name}_{stride}");
            let value = outputs.get(&name).ok_or_else(|| mismatch(FILE, "not the face detector that is expected"))?;
            let (_, data) = value.try_extract_tensor::<f32>().map_err(fail)?;
            let cells = (SIDE / stride) * (SIDE / stride);
            if data.len() == cells * width { Ok(data) } else { Err(mismatch(FILE, "its output has another size")) }
        };
        let mut found = Vec::new();
        for stride in STRIDES {
            let heads = Heads {
                class: plane("cls", stride, 1)?,
                object: plane("obj", stride, 1)?,
                boxes: plane("bbox", stride, 4)?,
                points: plane("kps", stride, 2 * LANDMARKS)?,
            };
            heads.decode(stride, &mut found);
        }
        Ok(found)
    }
}

/// What the network says about every cell of one grid.
struct Heads<'a> {
    class: &'a [f32],
    object: &'a [f32],
    boxes: &'a [f32],
    points: &'a [f32],
}

impl Heads<'_> {
    fn decode(&self, stride: usize, found: &mut Vec<Detection>) {
        let (columns, s) = (SIDE / stride, stride as f64);
        let boxes = self.boxes.chunks_exact(4);
        let points = self.points.chunks_exact(2 * LANDMARKS);
        for (i, (((&class, &object), cell), points)) in
            self.class.iter().zip(self.object).zip(boxes).zip(points).enumerate()
        {
            let score = (class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0)).sqrt();
            // A score that is no number is no face either.
            if score.is_nan() || score <= LOWEST_SCORE {
                continue;
            }
            let (row, column) = ((i / columns) as f64, (i % columns) as f64);
            let &[dx, dy, dw, dh] = cell else { continue };
            let (x, y) = ((column + f64::from(dx)) * s, (row + f64::from(dy)) * s);
            let (w, h) = (f64::from(dw).exp() * s, f64::from(dh).exp() * s);
            if ![x, y, w, h].iter().all(|v| v.is_finite()) {
                continue;
            }
            let middle = |a: usize, b: usize| {
                let at = |k: usize, cell: f64| (f64::from(points.get(k).copied().unwrap_or(0.0)) + cell) * s;
                ((at(2 * a, column) + at(2 * b, column)) / 2.0, (at(2 * a + 1, row) + at(2 * b + 1, row)) / 2.0)
            };
            found.push(Detection {
                rect: Rect::new(x - w / 2.0, y - h / 2.0, w, h),
                score,
                // Order of the points: right eye, left eye, nose, right and left corner of the mouth.
                eyes: middle(0, 1),
                mouth: middle(3, 4),
            });
        }
    }
}

/// The detections whose middle lies in tile `index`, in pixels of its picture, clipped to it, without doubles.
fn in_picture(found: &[Detection], layout: &Layout, index: usize) -> Vec<Detection> {
    let Some(&(left, top)) = layout.corners.get(index).filter(|_| index < layout.count) else { return Vec::new() };
    let (width, height) = (layout.picture.0 as f64, layout.picture.1 as f64);
    let (scale_x, scale_y) = (width / layout.tile.0 as f64, height / layout.tile.1 as f64);
    let point = |(x, y): (f64, f64)| ((x - left as f64) * scale_x, (y - top as f64) * scale_y);
    let faces = found
        .iter()
        .filter_map(|face| {
            let middle = face.rect.center();
            if layout.tile_at(middle.0, middle.1) != index {
                return None;
            }
            let (x, y) = point((face.rect.x, face.rect.y));
            let whole = Rect::new(x, y, face.rect.w * scale_x, face.rect.h * scale_y);
            let rect = whole.intersect(&Rect::new(0.0, 0.0, width, height))?;
            // Mostly outside of the picture: an artefact of the border.
            (rect.area() >= 0.4 * whole.area()).then(|| Detection {
                rect,
                score: face.score,
                eyes: point(face.eyes),
                mouth: point(face.mouth),
            })
        })
        .collect();
    suppress(faces)
}

/// Non-maximum suppression: of boxes that overlap, the best one stays. Best first; ties are settled by place.
pub fn suppress(mut faces: Vec<Detection>) -> Vec<Detection> {
    faces.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then(a.rect.x.total_cmp(&b.rect.x)).then(a.rect.y.total_cmp(&b.rect.y))
    });
    let mut kept: Vec<Detection> = Vec::new();
    for face in faces {
        if kept.len() >= MOST_FACES {
            break;
        }
        if kept.iter().all(|k| k.rect.iou(&face.rect) <= SAME_FACE) {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn face() -> impl Strategy<Value = Detection> {
        (0.0..600.0, 0.0..600.0, 5.0..200.0, 5.0..200.0, 0.35f32..1.0).prop_map(|(x, y, w, h, score)| Detection {
            rect: Rect::new(x, y, w, h),
            score,
            eyes: (x, y),
            mouth: (x, y),
        })
    }

    proptest! {
        #[test]
        fn suppression_keeps_the_best_of_every_heap(faces in prop::collection::vec(face(), 0..30)) {
            let kept = suppress(faces.clone());
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(kept[i + 1..].iter().all(|b| a.rect.iou(&b.rect) <= SAME_FACE && a.score >= b.score));
            }
            for face in &faces {
                let covered = kept.iter().any(|k| k == face || (k.rect.iou(&face.rect) > SAME_FACE && k.score >= face.score));
                prop_assert!(covered, "{face:?} vanished without a better one over it");
            }
            let mut shuffled = faces;
            shuffled.reverse();
            prop_assert_eq!(suppress(shuffled), kept, "the order of the cells must not matter");
        }
    }

    #[test]
    fn cells_are_decoded_to_boxes() {
        let cells = (SIDE / 32) * (SIDE / 32);
        let (mut class, mut boxes, mut points) =
            (vec![0.0f32; cells], vec![0.0f32; cells * 4], vec![0.0f32; cells * 10]);
        let cell = 3 * (SIDE / 32) + 5;
        class[cell] = 0.81;
        boxes[cell * 4..cell * 4 + 4].copy_from_slice(&[0.5, 0.25, 2f32.ln(), 3f32.ln()]);
        points[cell * 10 + 6..cell * 10 + 10].copy_from_slice(&[0.0, 1.0, 1.0, 1.0]);
        let mut found = Vec::new();
        Heads { class: &class, object: &vec![1.0; cells], boxes: &boxes, points: &points }.decode(32, &mut found);
        let [face] = found.as_slice() else { panic!("one face, not {}", found.len()) };
        assert!((face.score - 0.9).abs() < 1e-6);
        let expected = Rect::new(5.5 * 32.0 - 32.0, 3.25 * 32.0 - 48.0, 64.0, 96.0);
        assert!(face.rect.iou(&expected) > 0.9999, "{:?}", face.rect);
        assert_eq!(face.mouth, (5.5 * 32.0, 4.0 * 32.0));
    }

    #[test]
    fn what_is_no_number_is_no_face() {
        let cells = (SIDE / 32) * (SIDE / 32);
        let (mut class, mut boxes) = (vec![f32::NAN; cells], vec![f32::INFINITY; cells * 4]);
        class[7] = 1.0;
        boxes[0] = f32::NAN;
        let mut found = Vec::new();
        Heads { class: &class, object: &vec![1.0; cells], boxes: &boxes, points: &vec![0.0; cells * 10] }
            .decode(32, &mut found);
        assert_eq!(found, []);
    }

    #[test]
    fn tiles_keep_their_faces_apart() {
        let layout = Layout::new(640, 360).expect("has pixels");
        let at = |y: f64| Detection {
            rect: Rect::new(100.0, y, 40.0, 40.0),
            score: 0.9,
            eyes: (120.0, y),
            mouth: (120.0, y),
        };
        let found = [at(20.0), at(400.0)];
        let (upper, lower) = (in_picture(&found, &layout, 0), in_picture(&found, &layout, 1));
        assert_eq!((upper.len(), lower.len()), (1, 1));
        assert!((lower[0].rect.y - 80.0 * 1.125).abs() < 0.1, "{:?}", lower[0].rect);
    }
}
