/** Files of the corpus that do not decode as in Pillow, and why. */

export interface Reason {
  files: RegExp;
  /** `shown`: as a person sees it, where Pillow reads something else or nothing. `pillow`: damaged, and as in Pillow. */
  outcome: 'shown' | 'refused' | 'differs' | 'pillow';
  because: string;
}

export const REASONS: readonly Reason[] = [
  // Refused, with the reason that errors.jsonl holds.
  { files: /^bmp-/, outcome: 'refused', because: 'BMP: no kept library decodes it' },
  {
    files: /^jpeg-12bit/,
    outcome: 'refused',
    because: 'JPEG of 12 bits: neither libvips nor Pillow decodes it',
  },
  { files: /^jpeg-no-end/, outcome: 'refused', because: 'ends early; so says Pillow' },
  {
    files: /^jpeg-progressive-scans/,
    outcome: 'refused',
    because: 'scans are missing: Pillow takes what they hold for grey or blurred',
  },
  {
    files: /^jpeg-claims-more-rows/,
    outcome: 'refused',
    because: 'rows are missing: Pillow takes them for grey',
  },
  { files: /^tiff-.*(zstd|lzma)/, outcome: 'refused', because: 'sharp is built without ZSTD and LZMA' },
  {
    files: /^tiff-(old-)?jpeg2000|^tiff-old-jpeg/,
    outcome: 'refused',
    because: 'sharp is built without JPEG 2000 and old JPEG',
  },
  {
    files: /^tiff-planar-.*-tiles/,
    outcome: 'refused',
    because: 'libvips reads no tiles in separate planes',
  },
  {
    files: /^tiff-(6|10|12|14)bit/,
    outcome: 'refused',
    because: 'libvips reads no samples of 6, 10, 12 or 14 bits; of 12, Pillow keeps 8',
  },
  {
    files: /^tiff-(64|f64|complex)/,
    outcome: 'refused',
    because: 'samples of 64 bits, which neither libvips nor Pillow reads',
  },
  {
    files: /^tiff-f16/,
    outcome: 'refused',
    because: 'floats of 16 bits, which libvips rounds and Pillow does not read',
  },
  {
    files: /^tiff-i16negative/,
    outcome: 'refused',
    because: 'negative samples are not grey levels: Pillow cuts them off',
  },
  { files: /^tiff-(lab|ycbcr)/, outcome: 'refused', because: 'libvips does not convert them' },
  {
    files: /^tiff-raw/,
    outcome: 'refused',
    because: 'raw camera files: what Pillow and libvips find in them is a thumbnail',
  },
  // Read as a person sees them.
  {
    files: /^(png|tiff)-((grey|rgb)16|white16|predictor3-|16|32|i8|i16|i32|f32)/,
    outcome: 'shown',
    because: 'Pillow cuts more than 8 bits off at 255, or does not read them',
  },
  {
    files: /^tiff-rgb-webp/,
    outcome: 'shown',
    because: 'Pillow does not decode WebP in TIFF as tifffile writes it',
  },
  {
    files: /^tiff-la-associated/,
    outcome: 'shown',
    because: 'Pillow does not convert grey with associated alpha',
  },
  {
    files: /^tiff-palette-8bit-colours/,
    outcome: 'shown',
    because: 'palettes of 8-bit colours: Pillow takes them for 16 bits, and for black',
  },
  { files: /^tiff-.*-big/, outcome: 'shown', because: 'Pillow reads no BigTIFF of this byte order or depth' },
  {
    files: /^png-text-bad-crc/,
    outcome: 'shown',
    because: 'a damaged text says nothing about the pixels; Pillow stops there',
  },
  { files: /^avif-miaf/, outcome: 'shown', because: 'Pillow does not know the brand' },
  // Read otherwise.
  {
    files: /^(jpeg|tiff)-(cmyk|ycck)/,
    outcome: 'differs',
    because: "CMYK goes through libvips' standard profile; Pillow inverts it",
  },
  { files: /uses(10|14)/, outcome: 'differs', because: 'darker than a person sees them, and warned of' },
  {
    files: /^avif-xmp[2-8]/,
    outcome: 'differs',
    because: "AVIF's orientation is a property of the image; the standard has readers ignore XMP",
  },
  // Damaged, and nothing in the format tells.
  {
    files: /^jpeg-/,
    outcome: 'pillow',
    because: 'JPEG has no checksum: other bits are other colours, in Pillow too',
  },
  {
    files: /^tiff-.*jpeg/,
    outcome: 'pillow',
    because: 'JPEG has no checksum: other bits are other colours, in Pillow too',
  },
  { files: /^webp-/, outcome: 'pillow', because: 'WebP has no checksum' },
  {
    files: /^tiff-rgb-webp/,
    outcome: 'differs',
    because: 'WebP has no checksum, and Pillow does not decode it in TIFF as tifffile writes it',
  },
  { files: /^gif-256/, outcome: 'pillow', because: 'LZW has no checksum: other codes are other colours' },
  { files: /^tiff-.*lzw/, outcome: 'pillow', because: 'LZW has no checksum: other codes are other colours' },
  { files: /^tiff-.*packbits/, outcome: 'pillow', because: 'PackBits has no checksum' },
  { files: /^tiff-palette-tiles/, outcome: 'pillow', because: 'the palette itself is damaged' },
];
