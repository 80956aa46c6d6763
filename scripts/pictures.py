"""Small pictures of pages: with 256 colours at most, which is plenty for a page and half of the bytes."""

import base64
import struct
import zlib

from playwright.sync_api import Browser

# Counts colours that agree in five bits each, keeps the most frequent exact colour of the 256 most frequent groups,
# and answers for each pixel which of these is the nearest.
PALETTE = """async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const {width, height} = image;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const count = new Map();
  for (const pixel of pixels) count.set(pixel, (count.get(pixel) ?? 0) + 1);
  const groups = new Map();
  for (const [colour, times] of count) {
    const key = colour & 0xf8f8f8;
    const group = groups.get(key) ?? {times: 0, most: 0, colour};
    group.times += times;
    if (times > group.most) [group.most, group.colour] = [times, colour];
    groups.set(key, group);
  }
  const kept = [...groups.values()].sort((a, b) => b.times - a.times).slice(0, 256);
  const rgb = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const palette = kept.map(({colour}) => rgb(colour));
  const place = new Map();
  for (const colour of count.keys()) {
    const [r, g, b] = rgb(colour);
    let best = 0, least = Infinity;
    palette.forEach(([x, y, z], at) => {
      const distance = (x - r) ** 2 + (y - g) ** 2 + (z - b) ** 2;
      if (distance < least) [best, least] = [at, distance];
    });
    place.set(colour, best);
  }
  let text = "";
  for (const pixel of pixels) text += String.fromCharCode(place.get(pixel));
  return {width, height, palette: palette.flat(), indices: btoa(text)};
}"""


def shrink(browser: Browser, png: bytes) -> bytes:
    """The picture as a PNG with a palette."""
    page = browser.new_page()
    found = page.evaluate(PALETTE, f"data:image/png;base64,{base64.b64encode(png).decode()}")
    page.close()
    width, height = found["width"], found["height"]
    indices = base64.b64decode(found["indices"])
    rows = b"".join(b"\0" + indices[start : start + width] for start in range(0, width * height, width))
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0),
        b"PLTE": bytes(found["palette"]),
        b"IDAT": zlib.compress(rows, 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts.items())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
