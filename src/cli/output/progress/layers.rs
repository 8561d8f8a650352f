//! The state of an image's layers while it is pulled. Its size is bounded, whatever an engine sends.

/// The most layers that are kept: an image holds 127 at most on most engines.
const MOST_LAYERS: usize = 256;
/// The most characters that are kept of an id and of an unknown status.
const LONGEST_WORD: usize = 64;

/// The layers, in the order in which they were first named.
#[derive(Debug, Default)]
pub struct Layers {
    layers: Vec<Layer>,
}

/// One layer and how far it is.
#[derive(Debug)]
pub struct Layer {
    /// Its short id.
    pub id: String,
    /// The current step.
    pub step: LayerStep,
    /// Bytes of the step that are done.
    pub done: u64,
    /// Bytes in all; 0 while the engine has not named a size.
    pub total: u64,
}

/// The steps of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerStep {
    /// It is waiting.
    Waiting,
    /// It is being downloaded.
    Downloading,
    /// Its digest is being checked.
    Checking,
    /// It is downloaded.
    Downloaded,
    /// It is being extracted.
    Extracting,
    /// It is complete.
    Done,
    /// It was there before the pull.
    Present,
    /// Something else, in the engine's words.
    Other(String),
}

impl LayerStep {
    /// `None` for a status of the whole image.
    fn of(status: &str) -> Option<Self> {
        Some(match status {
            "Pulling fs layer" | "Waiting" => Self::Waiting,
            "Downloading" => Self::Downloading,
            "Verifying Checksum" => Self::Checking,
            "Download complete" => Self::Downloaded,
            "Extracting" => Self::Extracting,
            "Pull complete" => Self::Done,
            "Already exists" => Self::Present,
            other if other.starts_with("Pulling from ") => return None,
            other => Self::Other(other.to_lowercase().chars().take(LONGEST_WORD).collect()),
        })
    }

    /// Whether the layer is downloaded.
    pub fn has_come(&self) -> bool {
        matches!(self, Self::Downloaded | Self::Extracting | Self::Done | Self::Present)
    }

    /// Whether the engine is working on the layer now.
    pub fn is_moving(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Downloaded | Self::Done | Self::Present)
    }
}

impl Layer {
    /// How many of its bytes are downloaded.
    fn bytes_here(&self) -> u64 {
        if self.step.has_come() { self.total } else { self.done }
    }
}

impl Layers {
    /// Takes an engine's report on a layer; returns whether more than a number of bytes changed.
    pub fn step(&mut self, id: &str, status: &str, progress: Option<(u64, u64)>) -> bool {
        let Some(step) = LayerStep::of(status).filter(|_| !id.is_empty()) else { return false };
        let id: String = id.chars().take(LONGEST_WORD).collect();
        let (done, total) = progress.unwrap_or_default();
        let Some(layer) = self.layers.iter_mut().find(|layer| layer.id == id) else {
            let is_kept = self.layers.len() < MOST_LAYERS;
            if is_kept {
                self.layers.push(Layer { id, step, done, total });
            }
            return is_kept;
        };
        let changed = layer.step != step;
        // While extracting, an engine may count seconds instead of bytes; then it reports no total.
        if total > 0 {
            layer.total = total.max(done);
        }
        layer.done = if progress.is_some() || changed { done } else { layer.done };
        layer.step = step;
        changed
    }

    /// The layers, in the order in which they were first named.
    pub fn all(&self) -> &[Layer] {
        &self.layers
    }

    /// How many layers satisfy the condition.
    pub fn count(&self, holds: impl Fn(&LayerStep) -> bool) -> usize {
        self.layers.iter().filter(|layer| holds(&layer.step)).count()
    }

    /// The bytes downloaded so far, and the sum of all known sizes.
    pub fn bytes(&self) -> (u64, u64) {
        let sum = |number: fn(&Layer) -> u64| self.layers.iter().map(number).fold(0, u64::saturating_add);
        (sum(Layer::bytes_here), sum(|layer| layer.total.max(layer.done)))
    }

    /// Whether the size of a layer that is not downloaded yet is unknown.
    pub fn is_size_open(&self) -> bool {
        self.layers.iter().any(|layer| layer.total == 0 && !layer.step.has_come())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_layer_count_once() {
        let mut layers = Layers::default();
        assert!(!layers.step("16", "Pulling from library/postgres", None));
        assert!(layers.step("a", "Pulling fs layer", None) && layers.is_size_open());
        assert!(layers.step("a", "Downloading", Some((10, 40))));
        assert!(!layers.step("a", "Downloading", Some((20, 40))));
        assert_eq!(layers.bytes(), (20, 40));
        assert!(!layers.is_size_open());
        layers.step("a", "Verifying Checksum", None);
        layers.step("a", "Download complete", None);
        assert_eq!(layers.bytes(), (40, 40));
        layers.step("a", "Extracting", Some((5, 40)));
        assert_eq!(layers.bytes(), (40, 40));
        // An engine that counts seconds while it extracts.
        layers.step("a", "Extracting", Some((3, 0)));
        layers.step("a", "Pull complete", None);
        assert_eq!((layers.bytes(), layers.count(LayerStep::has_come)), ((40, 40), 1));
    }

    #[test]
    fn many_layers_with_long_names_are_bounded() {
        let mut layers = Layers::default();
        for number in 0..10_000 {
            layers.step(&format!("{number}{}", "x".repeat(10_000)), &"y".repeat(10_000), None);
        }
        assert_eq!(layers.all().len(), MOST_LAYERS);
        assert!(layers.all().iter().all(|layer| layer.id.len() == LONGEST_WORD));
        assert_eq!(layers.all()[0].step, LayerStep::Other("y".repeat(LONGEST_WORD)));
    }
}
