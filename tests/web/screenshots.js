// screenshots.js: what every view looks like, in six sizes, light, dark and with forced colours, as PNG files.
//
//     node tests/web/screenshots.js <folder> [part of the name, such as phone-dark]
//
// Needs a release build (or CHATTERBOX_BINARY), Debian's chromium, and `npm ci` in tests/web.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Server, User, launch, sleep } from './harness.js';

const [, , folder, wanted = ''] = process.argv;
if (!folder) {
  console.error('usage: node tests/web/screenshots.js <folder> [part of a name]');
  process.exit(2);
}
await mkdir(folder, { recursive: true });

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
  await shot('start-empty');
  await a.like('coding', 'old films', 'hiking');
  await shot('start');
  await a.search();
  await sleep(1300);
  await shot('search');
  await b.search('coding', 'old films');
  await a.isChatting();
  await sleep(300);
  await shot('first-word');
  for (const [who, text] of TALK) {
    const [from, to] = who === 'a' ? [a, b] : [b, a];
    await from.say(text);
    await to.$('.message').last().waitFor();
    await sleep(100);
  }
  await b.$('#composer').fill('it is');
  await a.$('#typing').waitFor();
  await shot('chat');
  await a.$('#more summary').click();
  await shot('menu');
  await a.$('#leave-button').click();
  await shot('leaving');
  await a.$('#stay').click();
  await a.say('I am on telegram');
  await shot('warning');
  await a.page.keyboard.press('Escape');
  await a.$('#composer').fill('');
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
  for (const [colours, options] of Object.entries(COLOURS)) {
    const name = `${size}-${colours}`;
    if (name.includes(wanted)) await shoot(world, name, { ...device, ...options });
  }
}
await world.browser.close();
await world.server.stop();
if (world.problems.length) {
  console.error(world.problems.join('\n'));
  process.exitCode = 1;
}
