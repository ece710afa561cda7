//! Pages: blocks are laid one below the other, and none is torn that fits on a page.

use krilla::{
    Document,
    action::LinkAction,
    annotation::{LinkAnnotation, Target},
    color::rgb,
    destination::XyzDestination,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    outline::{Outline, OutlineNode},
    page::PageSettings,
    paint::Fill,
};

use super::face::Face;
use crate::ReportError;

/// A4 in points.
pub(crate) const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;

/// Left and right of what is written.
pub(crate) const LEFT: f32 = 42.0;
pub(crate) const RIGHT: f32 = WIDTH - 42.0;
const TOP: f32 = 48.0;
const BOTTOM: f32 = HEIGHT - 56.0;

/// From the top of a line to what letters stand on, at a size of 1.
pub(crate) const ASCENT: f32 = 0.95;

/// A colour as red, green, blue.
pub(crate) type Colour = [u8; 3];

pub(crate) const INK: Colour = [0x20, 0x20, 0x20];
pub(crate) const PALE: Colour = [0x5f, 0x5f, 0x5f];
pub(crate) const LINE: Colour = [0xd0, 0xd0, 0xd0];
pub(crate) const LINK: Colour = [0x0f, 0x54, 0x9c];

/// A weight of the font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// How a text is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) weight: Weight,
    pub(crate) size: f32,
    pub(crate) colour: Colour,
}

/// Something on a page; `y` counts from the top of its block, of its page once it is laid.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    /// A line of text by its base line.
    Text { x: f32, y: f32, style: Style, text: String },
    /// A filled rectangle.
    Box { x: f32, y: f32, width: f32, height: f32, colour: Colour },
    /// A place that leads somewhere.
    Link { x: f32, y: f32, width: f32, height: f32, to: String },
}

impl Mark {
    fn y(&mut self) -> &mut f32 {
        match self {
            Self::Text { y, .. } | Self::Box { y, .. } | Self::Link { y, .. } => y,
        }
    }

    /// Where it begins.
    fn top(&self) -> f32 {
        match self {
            Self::Text { y, style, .. } => y - style.size * ASCENT,
            Self::Box { y, .. } | Self::Link { y, .. } => *y,
        }
    }
}

/// Marks that stay together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    pub(crate) marks: Vec<Mark>,
    pub(crate) height: f32,
}

/// Where text is written, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) x: f32,
    pub(crate) width: f32,
    pub(crate) style: Style,
}

/// The distance of two lines of a size.
pub(crate) fn line_height(size: f32) -> f32 {
    size * 1.32
}

impl Block {
    /// Writes a text into a column from `top` on; answers where it ends.
    pub(crate) fn write(&mut self, sheet: &Sheet, column: Column, top: f32, text: &str) -> f32 {
        let Column { x, width, style } = column;
        let mut y = top;
        for line in sheet.face(style.weight).lines(text, style.size, width) {
            self.marks.push(Mark::Text { x, y: y + style.size * ASCENT, style, text: line });
            y += line_height(style.size);
        }
        self.height = self.height.max(y);
        y
    }

    /// Writes a text so that it ends at the right edge of its column.
    pub(crate) fn write_right(&mut self, sheet: &Sheet, column: Column, top: f32, text: &str) {
        let from = self.marks.len();
        self.write(sheet, column, top, text);
        for mark in self.marks.iter_mut().skip(from) {
            if let Mark::Text { x, text, style, .. } = mark {
                *x = column.x + column.width - sheet.face(style.weight).width(text, style.size);
            }
        }
    }
}

/// The document while it is laid out.
pub(crate) struct Sheet {
    regular: Face,
    bold: Face,
    pages: Vec<Vec<Mark>>,
    y: f32,
    /// What stands at the top of every page after the first.
    head: Block,
    /// Titles with page and height, for the reader's list of contents.
    places: Vec<(String, usize, f32)>,
}

impl Sheet {
    pub(crate) fn new() -> Result<Self, ReportError> {
        Ok(Self {
            regular: Face::regular()?,
            bold: Face::bold()?,
            pages: vec![Vec::new()],
            y: TOP,
            head: Block::default(),
            places: Vec::new(),
        })
    }

    pub(crate) fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// Lays a block here and at the top of every page from now on.
    pub(crate) fn put_head(&mut self, head: Block) {
        self.put(head.clone(), 60.0);
        self.head = head;
    }

    /// Notes what begins here.
    pub(crate) fn note_place(&mut self, title: String) {
        self.places.push((title, self.pages.len().saturating_sub(1), self.y));
    }

    /// Goes on on a new page unless so much is left of this one.
    pub(crate) fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM && self.y > TOP + self.head.height {
            self.turn();
        }
    }

    /// Lays a block; with `below` it stays on one page with so much of what follows.
    pub(crate) fn put(&mut self, block: Block, below: f32) {
        let is_longer_than_a_page = block.height > BOTTOM - TOP - self.head.height;
        self.need(if is_longer_than_a_page { 60.0 } else { block.height + below });
        if self.y + block.height <= BOTTOM {
            self.lay(block.marks, 0.0);
            self.y += block.height;
            return;
        }
        // Line by line, so that nothing is cut off.
        let mut marks = block.marks;
        marks.sort_by(|left, right| left.top().total_cmp(&right.top()));
        let mut begin = 0.0;
        for mark in marks {
            let top = mark.top();
            if self.y + top - begin + line_height(8.0) > BOTTOM {
                self.turn();
                begin = top - 2.0;
            }
            self.lay(vec![mark], begin);
        }
        self.y += block.height - begin;
    }

    fn turn(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP;
        let head = self.head.clone();
        self.lay(head.marks, 0.0);
        self.y += head.height;
    }

    fn lay(&mut self, marks: Vec<Mark>, begin: f32) {
        let top = self.y - begin;
        if let Some(page) = self.pages.last_mut() {
            page.extend(marks.into_iter().map(|mut mark| {
                *mark.y() += top;
                mark
            }));
        }
    }

    /// Writes the pages with their numbers.
    pub(crate) fn finish(mut self, title: &str, about: &str) -> Result<Vec<u8>, ReportError> {
        let style = Style { weight: Weight::Regular, size: 7.5, colour: PALE };
        let n_pages = self.pages.len();
        for number in 0..n_pages {
            let mut foot = Block::default();
            foot.marks.push(Mark::Box { x: LEFT, y: 0.0, width: RIGHT - LEFT, height: 0.5, colour: LINE });
            let about_column = Column { x: LEFT, width: RIGHT - LEFT - 90.0, style };
            let lines = self.regular.lines(about, style.size, about_column.width);
            foot.write(&self, about_column, 6.0, lines.first().map(String::as_str).unwrap_or_default());
            let column = Column { x: RIGHT - 85.0, width: 85.0, style };
            foot.write_right(&self, column, 6.0, &format!("Page {} of {n_pages}", number + 1));
            if let Some(page) = self.pages.get_mut(number) {
                page.extend(foot.marks.into_iter().map(|mut mark| {
                    *mark.y() += BOTTOM + 16.0;
                    mark
                }));
            }
        }
        self.draw(title)
    }

    fn draw(&self, title: &str) -> Result<Vec<u8>, ReportError> {
        let mut document = Document::new();
        // No date and no id: the same report gives the same bytes.
        document.set_metadata(Metadata::new().title(title.to_owned()).creator("Skywarden".to_owned()).language("en".to_owned()));
        for marks in &self.pages {
            let settings = PageSettings::from_wh(WIDTH, HEIGHT);
            let mut page = document.start_page_with(settings.ok_or_else(|| ReportError::Pdf("the page has no size".to_owned()))?);
            let mut surface = page.surface();
            for mark in marks {
                match mark {
                    Mark::Text { x, y, style, text } => {
                        surface.set_fill(Some(fill(style.colour)));
                        let face = self.face(style.weight);
                        let (glyphs, _) = face.glyphs(text);
                        surface.draw_glyphs(Point::from_xy(*x, *y), &glyphs, face.font.clone(), text, style.size, false);
                    }
                    Mark::Box { x, y, width, height, colour } => {
                        let mut path = PathBuilder::new();
                        // One without extent has no rectangle, and nothing to see.
                        if let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) {
                            path.push_rect(rect);
                        }
                        if let Some(path) = path.finish() {
                            surface.set_fill(Some(fill(*colour)));
                            surface.draw_path(&path);
                        }
                    }
                    Mark::Link { .. } => {}
                }
            }
            surface.finish();
            for mark in marks {
                if let Mark::Link { x, y, width, height, to } = mark
                    && let Some(rect) = Rect::from_xywh(*x, *y, *width, *height)
                {
                    let target = Target::Action(LinkAction::new(to.clone()).into());
                    page.add_annotation(LinkAnnotation::new(rect, target).into());
                }
            }
            page.finish();
        }
        let mut outline = Outline::new();
        for (title, page, y) in &self.places {
            outline.push_child(OutlineNode::new(title.clone(), XyzDestination::new(*page, Point::from_xy(0.0, *y))));
        }
        document.set_outline(outline);
        document.finish().map_err(|error| ReportError::Pdf(format!("{error:?}")))
    }
}

fn fill([red, green, blue]: Colour) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }
}
