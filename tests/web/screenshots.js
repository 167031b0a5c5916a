// screenshots.js: what every view looks like, in six sizes, light, dark and with forced colours, as PNG files, with sheets to look at.
//
//     node tests/web/screenshots.js <folder> [part of the name, such as phone-dark]
//     node tests/web/screenshots.js --readme       makes the two pictures of the first page anew
//
// Needs a release build (or CHATTERBOX_BINARY), Debian's chromium, and `npm ci` in tests/web.

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { launch, sleep } from './harness.js';
import { tour } from './tour.js';

const [, , folder, wanted = ''] = process.argv;
if (!folder) {
  console.error('usage: node tests/web/screenshots.js <folder> [part of a name], or --readme');
  process.exit(2);
}

const touch = { hasTouch: true, isMobile: true };
const SIZES = {
  phone: { viewport: { width: 360, height: 740 }, ...touch },
  keyboard: { viewport: { width: 360, height: 400 }, ...touch },
  small: { viewport: { width: 320, height: 480 }, ...touch },
  side: { viewport: { width: 740, height: 360 }, ...touch },
  tablet: { viewport: { width: 768, height: 1024 }, ...touch },
  desktop: { viewport: { width: 1280, height: 800 } },
};
const COLOURS = { light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' }, forced: { forcedColors: 'active' } };
const README = { 'start-phone': fileURLToPath(new URL('../../tools/figures/start-phone.png', import.meta.url)),
  'chat-desktop': fileURLToPath(new URL('../../tools/figures/chat-desktop.png', import.meta.url)) };

const ENOUGH = new Error('the picture is taken'); // the rest of the tour is not wanted

const world = { problems: [], browser: await launch() };

/** take(view) says where the picture of a view goes, if anywhere. */
const shoot = (size, colours, take) => tour(world, async ({ page }, view) => {
  const path = take(view);
  if (!path) return;
  await sleep(300); // what fades in, and the caret
  await page.screenshot({ path });
}, { device: { ...SIZES[size], ...COLOURS[colours] } });

const SHEET = 1600; // pixels of a side, at most

/** All pictures of one size and scheme on a few pages. */
async function makeSheets(name, viewport) {
  const [width, height] = [viewport.width, viewport.height].map(side => viewport.width > 760 ? Math.round(side * 0.6) : side);
  const across = Math.floor(SHEET / (width + 12));
  const down = Math.floor(SHEET / (height + 30));
  const files = (await readdir(folder)).filter(file => file.endsWith(`@${name}.png`)).sort();
  const page = await world.browser.newPage({ viewport: { width: across * (width + 12), height: down * (height + 30) } });
  for (let from = 0; from < files.length; from += across * down) {
    const cells = files.slice(from, from + across * down).map(file => `<figure><figcaption>${file.split('@')[0]}</figcaption>
      <img src="${pathToFileURL(resolve(folder, file))}" width="${width}" height="${height}"></figure>`);
    const html = join(folder, 'sheet.html');
    await writeFile(html, `<!doctype html><style>body { margin: 0; display: flex; flex-wrap: wrap; background: #888; font: 14px sans-serif; }
      figure { margin: 2px 6px; height: ${height + 24}px; }</style>${cells.join('')}`);
    await page.goto(pathToFileURL(resolve(html)).href);
    await page.screenshot({ path: join(folder, `sheet-${name}-${from / (across * down) + 1}.png`) });
  }
  await page.close();
}

if (folder === '--readme') {
  for (const [view, size] of Object.keys(README).map(name => name.split('-'))) {
    let isTaken = false;
    await shoot(size, 'light', here => {
      if (isTaken) throw ENOUGH;
      isTaken = here === view;
      return isTaken && README[`${view}-${size}`];
    }).catch(error => {
      if (error !== ENOUGH) throw error;
    });
  }
} else {
  await mkdir(folder, { recursive: true });
  for (const size in SIZES) {
    for (const colours in COLOURS) {
      const name = `${size}-${colours}`;
      if (!name.includes(wanted)) continue;
      await shoot(size, colours, view => join(folder, `${view}@${name}.png`));
      await makeSheets(name, SIZES[size].viewport);
    }
  }
}
await world.browser.close();
if (world.problems.length) {
  console.error(world.problems.join('\n'));
  process.exitCode = 1;
}
