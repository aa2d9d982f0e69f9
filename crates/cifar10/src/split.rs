//! Images with their labels, in memory, and the conversion of some of them to a batch of floating-point numbers.
//!
//! Where the bytes come from is decided in the module `source`; which images make a batch, in `order`.

use crate::{
    Error, Normalization,
    format::{CHANNELS, IMAGE_BYTES, Records, SIDE, decompressed},
};
use ndarray::{Array4, Axis};
use std::{fs::File, io::Read, path::Path};

/// Images and their labels, in file order.
///
/// ```
/// use seismograd_cifar10::{Normalization, Split, format::RECORD_BYTES};
///
/// // Two hand-made records: a black frog and a white truck.
/// let mut records = vec![0; RECORD_BYTES];
/// records[0] = 6;
/// records.push(9);
/// records.extend([255; RECORD_BYTES - 1]);
///
/// let split = Split::read(&records[..], "two records")?;
/// assert_eq!(split.labels, [6, 9]);
///
/// let mut batch = vec![0.0; 3 * 32 * 32 * 3];
/// split.batch_into(&[1, 0, 1], &Normalization::Unit, &mut batch);
/// assert_eq!(split.labels(&[1, 0, 1]), [9, 6, 9]);
/// assert_eq!((batch[0], batch[3072], batch[6144]), (1.0, 0.0, 1.0));
/// # Ok::<(), seismograd_cifar10::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// `[n, 32, 32, 3]`: image, row from the top, column from the left, channel (red, green, blue); in standard layout.
    pub images: Array4<u8>,
    /// The class of each image, 0 to 9: an index into [`CLASSES`](crate::CLASSES).
    pub labels: Vec<u8>,
}

/// The two splits of CIFAR-10: 50,000 training and 10,000 test images in the official files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Images to learn from.
    pub train: Split,
    /// Images to evaluate on.
    pub test: Split,
}

impl Split {
    /// Reads one file of records, plain or gzipped: any whole number of them, at least one.
    ///
    /// # Errors
    /// A missing, unreadable, damaged, empty or truncated file, or a label above 9.
    pub fn open(path: impl AsRef<Path>) -> Result<Split, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| Error::opening(path, error))?;
        Split::read(file, &path.display().to_string())
    }

    /// Reads records, plain or gzipped, until `reader` ends; `name` stands for the file's name in errors.
    ///
    /// # Errors
    /// As [`Split::open`].
    pub fn read(reader: impl Read, name: &str) -> Result<Split, Error> {
        let reader = decompressed(reader).map_err(|error| Error::reading(name, error))?;
        let mut records = Records::new(reader, name);
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        let mut image = [0; IMAGE_BYTES];
        while let Some(label) = records.next_into(&mut image)? {
            pixels.extend_from_slice(&image);
            labels.push(label);
        }
        if labels.is_empty() {
            return Err(Error::Empty { file: name.to_owned() });
        }
        Ok(Split::from_parts(pixels, labels))
    }

    /// A split of interleaved pixels, 3,072 bytes a label.
    pub(crate) fn from_parts(pixels: Vec<u8>, labels: Vec<u8>) -> Split {
        let images = Array4::from_shape_vec((labels.len(), SIDE, SIDE, CHANNELS), pixels)
            .expect("the reader appends 3,072 pixel bytes for every label");
        Split { images, labels }
    }

    /// Images in the split.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Keeps the first `count` images, or all if there are no more.
    pub fn truncate(&mut self, count: usize) {
        if count < self.len() {
            self.images = self.images.slice_axis(Axis(0), (..count).into()).to_owned();
            self.labels.truncate(count);
        }
    }

    /// Writes the images `indices` to `out` as `[indices.len(), 32, 32, 3]`, in that order, scaled by `scale`.
    ///
    /// # Panics
    /// If `out` has another length, an index is beyond the split, or `images` is not in standard layout.
    #[track_caller]
    pub fn batch_into(&self, indices: &[u32], scale: &Normalization, out: &mut [f32]) {
        let expected = indices.len() * IMAGE_BYTES;
        assert!(
            out.len() == expected,
            "batch_into: `out` has {} elements, [{}, 32, 32, 3] needs {expected}",
            out.len(),
            indices.len(),
        );
        let table = scale.table();
        for (&index, out) in indices.iter().zip(out.chunks_exact_mut(IMAGE_BYTES)) {
            for (pixel, out) in self.image(index).chunks_exact(CHANNELS).zip(out.chunks_exact_mut(CHANNELS)) {
                out[0] = table[0][usize::from(pixel[0])];
                out[1] = table[1][usize::from(pixel[1])];
                out[2] = table[2][usize::from(pixel[2])];
            }
        }
    }

    /// The labels of the images `indices`, in that order.
    ///
    /// # Panics
    /// If an index is beyond the split.
    #[track_caller]
    pub fn labels(&self, indices: &[u32]) -> Vec<u8> {
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            self.assert_in_split("labels", index);
            labels.push(self.labels[index as usize]);
        }
        labels
    }

    /// The 3,072 bytes of one image.
    #[track_caller]
    fn image(&self, index: u32) -> &[u8] {
        self.assert_in_split("batch_into", index);
        let pixels = self.images.as_slice();
        let Some(pixels) = pixels else { panic!("batch_into: `images` is not in standard layout") };
        &pixels[index as usize * IMAGE_BYTES..][..IMAGE_BYTES]
    }

    #[track_caller]
    fn assert_in_split(&self, operation: &str, index: u32) {
        assert!((index as usize) < self.len(), "{operation}: index {index} in a split of {} images", self.len());
    }
}
