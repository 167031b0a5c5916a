// screenshots.js: what every view looks like, on a phone and on a desktop, light and dark, as PNG files.
//
//     node tests/web/screenshots.js <folder>
//
// Needs a release build (or CHATTERBOX_BINARY), Debian's chromium, and `npm ci` in tests/web.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Server, User, launch, sleep } from './harness.js';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: node tests/web/screenshots.js <folder>');
  process.exit(2);
}
await mkdir(folder, { recursive: true });

const SIZES = {
  phone: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1.5 },
  desktop: { viewport: { width: 1280, height: 800 } },
};

const TALK = [
  ['b', 'hey! coding or old films first?'],
  ['a', 'old films. I saw Metropolis on a big screen last week'],
  ['b', 'with live music?'],
  ['a', 'yes, an organ. It shook the seats.'],
  ['b', 'jealous. There is a restored version here: https://archive.org/details/metropolis-1927'],
  ['a', 'thanks, I will save that one for the weekend'],
];

async function shoot(world, name, options) {
  const b = await User.open(world, options);
  const a = await User.open(world, options);
  const shot = view => a.page.screenshot({ path: join(folder, `${view}-${name}.png`) });
  await a.page.waitForFunction(() => document.getElementById('online').textContent.startsWith('2'));
  await shot('start-empty');
  await a.like('coding', 'old films', 'hiking');
  await shot('start');
  await a.search();
  await sleep(1300);
  await shot('search');
  await b.search('coding', 'old films');
  await a.isChatting();
  for (const [who, text] of TALK) {
    const [from, to] = who === 'a' ? [a, b] : [b, a];
    await from.say(text);
    await to.$('.message').last().waitFor();
    await sleep(100);
  }
  await b.$('#composer').fill('it is');
  await a.$('#typing').waitFor();
  await shot('chat');
  await a.$('#report-button').click();
  await shot('report');
  await a.$('#report-cancel').click();
  await b.$('#camera-button').click();
  await a.$('#call-prompt').waitFor();
  await shot('call-asked');
  await a.$('#call-accept').click();
  await a.page.waitForFunction(() => document.getElementById('remote-video').currentTime > 1);
  await shot('call');
  await b.leave();
  await a.hasEnded();
  await shot('ended');
  await a.context.close();
  await b.context.close();
}

const world = { problems: [], server: await Server.start(), browser: await launch() };
for (const [size, device] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark']) await shoot(world, `${size}-${colorScheme}`, { ...device, colorScheme });
}
await world.browser.close();
await world.server.stop();
if (world.problems.length) {
  console.error(world.problems.join('\n'));
  process.exitCode = 1;
}
