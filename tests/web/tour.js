// tour.js: leads users through every view of the page, on servers of its own. What is looked for in each is the caller's business: complaints of
// axe, targets that are too small, or how it looks (screenshots.js).

import { Server, User, waitFor } from './harness.js';

const OWN_DOING = /WebSocket|Failed to load resource/; // what Chromium says when the tour takes the server away

const TALK = [
  ['b', 'hey! coding or old films first?'],
  ['a', 'old films. I saw Metropolis on a big screen last week'],
  ['b', 'with live music?'],
  ['a', 'yes, an organ. It shook the seats.'],
  ['b', 'jealous. There is a restored version here: https://archive.org/details/metropolis-1927'],
  ['a', 'thanks, I will save that one for the weekend'],
];

const says = (user, selector, pattern) => waitFor(async () => pattern.test(await user.$(selector).textContent()), `${selector}: ${pattern}`);

/** Pages that no user has: without JavaScript, in an old browser, with a server that takes nobody. */
async function lookAtWhatDoesNotWork(world, look, device) {
  const pages = [];
  const open = async (url, { prepare, ...options } = {}) => {
    const context = await world.browser.newContext({ ...device, ...options });
    pages.push(context);
    const page = await context.newPage();
    await prepare?.(page);
    await page.goto(url);
    return { page, $: selector => page.locator(selector) };
  };
  const full = await Server.start({ flags: ['--max-connections', 1] });
  try {
    await look(await open(full.url, { javaScriptEnabled: false }), 'no-script');
    const old = await open(full.url, { prepare: page => page.addInitScript('delete Intl.ListFormat') });
    await old.$('#banner:not(:empty)').waitFor();
    await look(old, 'old-browser');
    const other = await open(full.url, { prepare: page => page.routeWebSocket(/textchat/, socket => socket.close({ code: 4002 })) });
    await other.$('#bring-here').waitFor();
    await look(other, 'other-window');
    const inside = await User.open({ ...world, server: full });
    pages.push(inside.context);
    const outside = await open(full.url);
    await says(outside, '#banner', /full/);
    await look(outside, 'full');
  } finally {
    for (const context of pages) await context.close();
    await full.stop();
  }
}

async function lookAtStart(a, look) {
  await a.$('#online').waitFor();
  await look(a, 'start-alone');
  await a.page.evaluate(() => { location.hash = 'with=abcdefgh'; });
  await a.$('#invitation').waitFor();
  await look(a, 'start-invited');
  await a.$('#invitation-decline').click();
  await a.$('#start-button').click();
  await look(a, 'start-error');
}

async function lookAtLoneSearch(a, look) {
  await a.search();
  await says(a, '#search-online', /only one/);
  await look(a, 'search-alone');
  await a.$('#broader').evaluate(offer => { // as after 20 seconds
    offer.textContent = 'Add a broader interest: music?';
    offer.hidden = false;
  });
  await look(a, 'search-broader');
  await a.page.evaluate(() => Object.defineProperty(navigator, 'share', { value: undefined }));
  await a.$('#invite').click();
  await a.$('#invite-status:not(:empty)').waitFor();
  await look(a, 'search-friend');
  await a.$('#cancel-button').click();
}

async function lookAtWhatIsAsked(a, look) {
  await a.$('#more summary').click();
  await look(a, 'menu');
  await a.page.keyboard.press('Escape');
  await a.$('#leave-button').click();
  await look(a, 'leaving');
  await a.$('#stay').click();
  await a.say('my number is 0170 1234567');
  await a.$('#ask').waitFor();
  await look(a, 'warning');
  await a.page.keyboard.press('Escape');
  await a.$('#composer').fill('');
  await a.$('.theirs a').first().click();
  await a.$('#ask').waitFor();
  await look(a, 'link');
  await a.page.keyboard.press('Escape');
  await a.$('#report-button').click();
  await look(a, 'report');
  await a.$('#report-cancel').click();
}

async function lookAtCall(a, b, look) {
  await b.$('#camera-button').click();
  await b.$('#call-dark').waitFor();
  await look(b, 'call-asking');
  await a.$('#call-prompt').waitFor();
  await look(a, 'call-asked');
  await a.$('#call-accept').click();
  await a.page.waitForFunction(() => document.getElementById('remote-video').currentTime > 0.5);
  await look(a, 'call');
  await a.$('#hangup-button').click();
}

/** Calls look(user, view) in each view. */
export async function tour(world, look, { device = {}, interests = ['coding', 'old films', 'hiking'], talk = TALK } = {}) {
  let server = await Server.start();
  const own = { browser: world.browser, problems: [], server };
  const a = await User.open(own, { ...device, permissions: ['clipboard-read', 'clipboard-write'] });
  let b = null;
  try {
    await lookAtStart(a, look);
    await a.like(...interests);
    await lookAtLoneSearch(a, look);
    b = await User.open(own, device);
    await a.page.reload();
    await says(a, '#online', /other/);
    await a.connected();
    await look(a, 'start');
    await a.search();
    await says(a, '#search-online', /other/);
    await look(a, 'search');
    await b.search(...interests.slice(0, 2));
    await a.isChatting();
    await a.$('.help').waitFor();
    await look(a, 'first-word');

    let count = 0;
    for (const [who, text] of talk) {
      const [from, to] = who === 'a' ? [a, b] : [b, a];
      await from.say(text);
      await to.$('.message').nth(count++).waitFor();
    }
    await b.$('#composer').fill('it is');
    await a.$('#typing').waitFor();
    await look(a, 'chat');
    await b.$('#composer').fill('');
    await lookAtWhatIsAsked(a, look);
    await a.$('#composer').fill('w'.repeat(1990));
    await look(a, 'counter');
    await a.$('#composer').fill('');
    await lookAtCall(a, b, look);
    if (await a.$('#to-end').isVisible()) await a.$('#to-end').click(); // where the link was out of view
    for (const number of [1, 2, 3]) await b.say(Array.from({ length: 40 }, (_, i) => `line ${i} of ${number}`).join('\n'));
    await a.$('.fold').nth(2).waitFor();
    await waitFor(() => a.$('#messages').evaluate(list => list.scrollTop > 100), 'the end of the list');
    await waitFor(async () => { // until its end is no longer followed
      await a.$('#messages').evaluate(list => { list.scrollTop = 0; });
      return await a.$('#to-end').isVisible();
    }, 'the way to the end');
    await b.say('one more');
    await a.$('.theirs', { hasText: 'one more' }).waitFor({ state: 'attached' });
    await a.$('#to-end').waitFor();
    await look(a, 'further-up');
    await a.$('#to-end').click();

    await b.page.goto('about:blank');
    await says(a, '#gone', /dropped/);
    await look(a, 'stranger-away');
    await b.page.goto(server.url);
    await says(a, '#gone', /is back/);
    await server.stop('SIGKILL');
    await says(a, '#gone', /Reconnecting/);
    await a.say('are you still there?');
    await a.$('.waiting .mark').waitFor();
    await look(a, 'reconnecting');
    server = await Server.start({ port: server.port });
    await a.hasEnded();
    await look(a, 'lost');
    await b.hasEnded();
    for (const user of [a, b]) await user.$('#next-button').click();
    for (const user of [a, b]) await user.isChatting();
    await a.$('#composer').fill('');
    await b.leave();
    await a.hasEnded();
    await look(a, 'ended');
    await a.$('#report-button').click();
    await a.$('[data-reason=spam]').click();
    await look(a, 'reported');

    await a.$('#home-button').click();
    await server.stop('SIGKILL');
    await a.$('#banner:not(:empty)').waitFor();
    await a.$('#start-button').click();
    await a.$('#start-hint:not(:empty)').waitFor();
    await look(a, 'waiting');
    await a.context.setOffline(true);
    await says(a, '#banner', /offline/);
    await look(a, 'offline');
  } finally {
    for (const user of [a, b]) await user?.context.close();
    if (server.process.exitCode === null && server.process.signalCode === null) await server.stop();
  }
  await lookAtWhatDoesNotWork(own, look, device);
  world.problems.push(...own.problems.filter(problem => !OWN_DOING.test(problem)));
}
