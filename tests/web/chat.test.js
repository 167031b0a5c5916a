// Two users in a chat: what they write, and how it ends.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { meet, sleep, useWorld, waitFor } from './harness.js';

const world = useWorld();

test('two who share interests meet, are told which, and talk', async () => {
  const a = await world.user();
  const b = await world.user();
  await a.search('coding', 'tea', 'opera');
  await b.search('Tea', 'coding', 'chess');
  await a.isChatting();
  assert.match(await a.$('.note').first().textContent(), /^You both like (coding and tea|tea and coding)\.$/);
  await a.say('hello, stranger');
  await b.sees('hello, stranger');
  await b.say('hello yourself');
  await a.sees('hello yourself');
  assert.match(await a.$('.theirs time').textContent(), /^\d\d:\d\d$/);
  assert.equal(await a.$('.mine').count(), 1);
  assert.equal(await a.$('.theirs').count(), 1);
  assert.equal(await a.$('#messages').getAttribute('role'), 'log');
});

test('the typing indicator comes, goes with the message, and never stays', async () => {
  const [a, b] = await world.pair();
  await a.$('#composer').pressSequentially('hm');
  await b.$('#typing').waitFor();
  await a.$('#composer').press('Enter');
  await b.sees('hm');
  assert.ok(await b.$('#typing').isHidden());
  await sleep(2100); // one every two seconds is passed on
  await a.$('#composer').pressSequentially('x');
  await b.$('#typing').waitFor();
  await a.$('#composer').fill('');
  await b.$('#typing').waitFor({ state: 'hidden', timeout: 3000 });
  await sleep(2100);
  await a.$('#composer').pressSequentially('y');
  await b.$('#typing').waitFor();
  await b.$('#typing').waitFor({ state: 'hidden', timeout: 8000 }); // a says nothing more
});

test('Escape twice leaves, the other is told, Escape again finds the next', async () => {
  const [a, b] = await world.pair('leaving');
  const c = await world.user();
  await a.page.keyboard.press('Escape');
  assert.equal(await a.$('#leave-hint').textContent(), 'Press Esc again to leave');
  assert.ok(await b.$('#chat-view:not(.ended)').isVisible());
  await a.page.keyboard.press('Escape');
  await a.hasEnded();
  await a.sees('You left.');
  await b.hasEnded();
  await b.sees('Stranger has left.');
  assert.equal(await b.$('#chat-title').textContent(), 'Chat over');
  assert.ok(await b.$('#composer').isHidden(), 'no dead field');
  await b.page.keyboard.press('Escape');
  await b.$('#search-view').waitFor();
  await c.search('leaving');
  await b.isChatting();
  await b.say('a new beginning');
  await c.sees('a new beginning');
  assert.equal(await b.$('.message').count(), 1, 'nothing of the first chat is left');
});

test('one Escape is forgotten after a while, and when one writes on', async () => {
  const [a] = await world.pair();
  await a.page.keyboard.press('Escape');
  await a.$('#composer').pressSequentially('no, I stay');
  await a.page.keyboard.press('Escape');
  assert.ok(await a.$('#chat-view:not(.ended)').isVisible());
  await waitFor(async () => await a.$('#leave-hint').textContent() === '', 'the question to go', 6000);
  await a.page.keyboard.press('Escape');
  assert.ok(await a.$('#chat-view:not(.ended)').isVisible());
});

test('who is blocked is not met again', async () => {
  const [a, b] = await world.pair('blocking');
  await a.$('#more summary').click();
  await a.$('#block-button').click();
  assert.ok(await a.$('#chat-view:not(.ended)').isVisible(), 'one press asks only');
  await a.$('#block-button').click();
  await a.hasEnded();
  await b.hasEnded();
  await a.$('.note').getByText(/^Blocked\./).waitFor();
  await a.$('#next-button').click();
  await b.$('#next-button').click();
  await a.$('#search-view').waitFor();
  await b.$('#search-view').waitFor();
  await sleep(700);
  assert.ok(await a.$('#search-view').isVisible());
  const c = await world.user();
  await c.search('blocking');
  await c.isChatting();
});

test('a report takes two taps, and ends the chat', async () => {
  const [a, b] = await world.pair('reporting');
  await a.$('#report-button').click();
  assert.equal(await a.$('#report-button').getAttribute('aria-expanded'), 'true');
  await a.page.keyboard.press('Escape');
  assert.ok(await a.$('#report-menu').isHidden());
  assert.ok(await a.$('#chat-view:not(.ended)').isVisible(), 'Escape closes the menu and no more');
  await a.$('#report-button').click();
  await a.$('[data-reason=spam]').click();
  await a.hasEnded();
  await b.hasEnded();
  await a.$('.note').getByText(/^Thank you\. Reports from several/).waitFor();
});

test('who has left can be reported', async () => {
  const [a, b] = await world.pair('reporting late');
  await b.leave();
  await a.hasEnded();
  await a.$('#report-button').click();
  await a.$('[data-reason=abuse]').click();
  await a.$('.note').getByText(/^Thank you\. Reports from several/).waitFor();
  await sleep(300);
  assert.equal(await a.$('.note').getByText(/did not get through/).count(), 0);
});

test('markup is text, and runs nothing', async () => {
  const [a, b] = await world.pair();
  const texts = ['<img src=x onerror=alert(1)>', '<script>alert(2)</script>', '"><svg onload=alert(3)>',
    'javascript:alert(4)', '&lt;b&gt;'];
  for (const text of texts) {
    await a.say(text);
    await b.sees(text);
    await a.sees(text);
  }
  for (const user of [a, b]) assert.equal(await user.$('#messages :is(img, script, svg, a, b)').count(), 0);
});

test('interests of a stranger are text as well', async () => {
  const [a] = await world.pair('<img src=x onerror=alert(1)>');
  await a.sees('You both like <img src=x onerror=alert(1)>.');
  assert.equal(await a.$('#messages img').count(), 0);
});

test('links can be clicked, lead nowhere else than they say, and tell nothing', async () => {
  const [a, b] = await world.pair();
  await a.say('see https://example.org/a_(b), and (http://example.com/?q=1).');
  await b.$('.theirs a').first().waitFor();
  const links = await b.$('.theirs a').evaluateAll(all => all.map(({ href, rel, target, textContent }) => ({ href, rel, target, textContent })));
  assert.deepEqual(links.map(link => link.href), ['https://example.org/a_(b)', 'http://example.com/?q=1']);
  for (const link of links) {
    assert.equal(link.textContent, link.href);
    assert.equal(link.target, '_blank');
    for (const word of ['noopener', 'noreferrer', 'nofollow']) assert.ok(link.rel.split(' ').includes(word), word);
  }
  await a.say('https://bank.example@evil.example/ javascript:alert(1) https://');
  await b.sees('https://bank.example@evil.example/ javascript:alert(1) https://');
  assert.equal(await b.$('.theirs').last().locator('a').count(), 0);
});

test('Shift+Enter is a new line, Enter sends, an empty message is none', async () => {
  const [a, b] = await world.pair();
  const composer = a.$('#composer');
  await composer.press('Enter');
  await composer.fill('   ');
  assert.ok(await a.$('#send-button').isDisabled());
  await composer.press('Enter');
  await composer.fill('');
  await composer.pressSequentially('one');
  await composer.press('Shift+Enter');
  await composer.pressSequentially('two');
  await composer.press('Enter');
  await waitFor(async () => await b.$('.theirs .text').count() === 1, 'the message');
  assert.equal(await b.$('.theirs .text').evaluate(element => element.innerText), 'one\ntwo');
  assert.equal(await composer.inputValue(), '');
});

test('Enter that ends a composition of an input method does not send', async () => {
  const [a, b] = await world.pair();
  await a.$('#composer').focus();
  const devtools = await a.context.newCDPSession(a.page);
  await devtools.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 });
  await devtools.send('Input.dispatchKeyEvent',
    { type: 'rawKeyDown', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13 });
  await devtools.send('Input.insertText', { text: '日本' });
  assert.equal(await a.$('#composer').inputValue(), '日本');
  assert.equal(await a.$('.message').count(), 0);
  await a.$('#composer').press('Enter');
  await b.sees('日本');
});

test('the counter comes near 2,000 code points, and beyond nothing is sent', async () => {
  const [a, b] = await world.pair();
  await a.$('#composer').fill('x'.repeat(1799));
  assert.ok(await a.$('#counter').isHidden());
  await a.$('#composer').fill('x'.repeat(1800));
  assert.equal(await a.$('#counter').textContent(), '1,800 / 2,000');
  await a.$('#composer').fill('x'.repeat(2001));
  assert.equal(await a.$('#counter').textContent(), '2,001 / 2,000');
  assert.ok(await a.$('#send-button').isDisabled());
  await a.$('#composer').press('Enter');
  assert.equal((await a.$('#composer').inputValue()).length, 2001);
  await a.say('😀'.repeat(2000));
  await b.sees('😀'.repeat(2000));
  assert.ok(await a.$('#counter').isHidden());
});

test('text from right to left runs so', async () => {
  const [a, b] = await world.pair();
  await a.say('שלום, עולם!');
  await b.sees('שלום, עולם!');
  assert.equal(await b.$('.theirs .text').evaluate(element => getComputedStyle(element).direction), 'rtl');
  await a.say('hello');
  await b.sees('hello');
  assert.equal(await b.$('.theirs .text').last().evaluate(element => getComputedStyle(element).direction), 'ltr');
});

test('unread messages are counted in the title while the page is in the background', async () => {
  const [a, b] = await world.pair();
  await a.say('seen');
  await b.sees('seen');
  assert.equal(await b.page.title(), 'Chatting · ChatterBox');
  await b.hide(true);
  await a.say('one');
  await a.say('two');
  await waitFor(async () => await b.page.title() === '(2) Chatting · ChatterBox', 'the count');
  await a.leave();
  await waitFor(async () => /^Chat over ·/.test(await b.page.title()), 'the end');
  await b.hide(false);
  await waitFor(async () => await b.page.title() === 'Chat over · ChatterBox', 'the count to go');
});

test('the sound is off until it is wanted, and only for the background', async () => {
  const [a, b] = await world.pair();
  await b.page.evaluate(() => {
    window.beeps = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) {
      window.beeps++;
      return start.apply(this, when);
    };
  });
  const beeps = () => b.page.evaluate(() => window.beeps);
  await b.hide(true);
  await a.say('1');
  await b.sees('1');
  assert.equal(await beeps(), 0);
  await b.hide(false);
  await b.$('#sound-toggle').click();
  assert.equal(await beeps(), 1, 'a sample');
  await a.say('2');
  await b.sees('2');
  assert.equal(await beeps(), 1);
  await b.hide(true);
  await a.say('3');
  await b.sees('3');
  assert.equal(await beeps(), 2);
  await b.page.reload();
  assert.equal(await b.$('#sound-toggle').getAttribute('aria-pressed'), 'true');
  await a.say('4');
  await b.sees('4'); // connected again
});

test('the chat can be saved as text', async () => {
  const [a, b] = await world.pair('saving');
  await a.say('first');
  await b.sees('first');
  await b.say('second\nline');
  await a.sees('second\nline');
  const download = a.page.waitForEvent('download');
  await a.$('#more summary').click();
  await a.$('#save-button').click();
  const file = await download;
  assert.match(file.suggestedFilename(), /^chatterbox-\d{4}-\d\d-\d\d-\d{4}\.txt$/);
  const text = await readFile(await file.path(), 'utf8');
  assert.match(text, /^ChatterBox, \d{4}-\d\d-\d\d\n\n\[\d\d:\d\d\] \* You both like saving\.\n\[\d\d:\d\d\] You: first\n\[\d\d:\d\d\] Stranger: second\n +line\n$/);
});

test('everything can be done with the keyboard', async () => {
  const a = await world.user();
  const b = await world.user();
  const focused = () => a.page.evaluate(() => document.activeElement.id || document.activeElement.dataset?.reason || '');
  const tabTo = async id => {
    for (let presses = 0; await focused() !== id; presses++) {
      assert.ok(presses < 30, `Tab does not lead to ${id}`);
      await a.page.keyboard.press('Tab');
    }
  };
  await b.search('keys');
  await tabTo('interest-input');
  await a.page.keyboard.type('keys');
  await a.page.keyboard.press('Enter');
  await a.page.keyboard.press('Enter');
  await a.isChatting();
  assert.equal(await focused(), 'composer');
  await a.page.keyboard.type('no mouse');
  await a.page.keyboard.press('Enter');
  await b.sees('no mouse');
  await tabTo('report-button');
  await a.page.keyboard.press('Enter');
  assert.equal(await focused(), 'abuse');
  await a.page.keyboard.press('Escape');
  assert.equal(await focused(), 'report-button');
  await a.page.keyboard.press('Escape');
  await a.page.keyboard.press('Escape');
  await a.hasEnded();
  await tabTo('next-button');
  await a.page.keyboard.press('Enter');
  await a.$('#search-view').waitFor();
  assert.equal(await focused(), 'search-title');
  await tabTo('cancel-button');
  await a.page.keyboard.press('Enter');
  await a.$('#start-view').waitFor();
});

test('Leave, then Next: two taps to the next stranger, in one request', async () => {
  const [a, b] = await world.pair('two taps');
  const c = await world.user();
  await c.search('two taps');
  await a.$('#leave-button').click();
  assert.equal(await a.$('#leave-hint').textContent(), 'Leave this chat?');
  await a.$('#next-now').click();
  await b.hasEnded();
  await c.isChatting();
  await a.isChatting();
  await a.say('to the next one');
  await c.sees('to the next one');
  assert.equal(await b.$('.theirs').count(), 0);
});

test('what is typed goes into the field from anywhere', async () => {
  const [a] = await world.pair();
  await a.$('#messages').focus();
  await a.page.keyboard.type('hello');
  assert.equal(await a.$('#composer').inputValue(), 'hello');
});

test('both are asked one question, and helped to the first word', async () => {
  const [a, b] = await world.pair('films');
  const question = user => user.$('.question').textContent();
  assert.equal(await question(a), 'Which film could you watch once a year?');
  assert.equal(await question(b), await question(a));
  assert.equal(await a.$('#chat-title').textContent(), 'You both like films');
  const middle = await a.$('.note').evaluate(note => note.getBoundingClientRect().top - document.getElementById('messages').getBoundingClientRect().top);
  assert.ok(middle > 60, 'in the middle of the list');
  await a.page.getByRole('button', { name: 'Another question' }).click();
  assert.notEqual(await question(a), await question(b));
  assert.equal(await a.$('.whose').textContent(), 'Only you see this one.');
  assert.equal(await a.page.evaluate(() => [...document.querySelectorAll('[role=log], [role=status], [role=alert], [aria-live=polite]')]
    .filter(region => region.textContent.includes('You both like')).length), 1, 'read out once');
  assert.equal(await a.$('.help').getAttribute('aria-live'), 'off');
  await b.page.getByRole('button', { name: 'What made you pick films?' }).click();
  await a.sees('What made you pick films?');
  for (const user of [a, b]) assert.equal(await user.$('.help').count(), 0, 'it goes with the first text');
});

test('before the first text that gives away how to be found there is a warning, once', async () => {
  const [a, b] = await world.pair();
  await a.say('I have 123456 cats');
  await b.sees('I have 123456 cats');
  for (const text of ['call +49 (170) 123-4567', 'write to me@example.org', 'I am on Telegram']) {
    await a.$('#composer').fill(text);
    await a.$('#composer').press('Enter');
    if (text.startsWith('call')) {
      await a.$('#ask').waitFor();
      assert.equal(await a.$('.mine').count(), 1, 'nothing is sent before the answer');
      await a.page.getByRole('button', { name: 'Change' }).click();
      assert.equal(await a.$('#composer').inputValue(), text);
      await a.$('#composer').press('Enter');
    }
    assert.ok(await a.$('#ask').isHidden());
    await b.sees(text);
  }
  const [c, d] = await world.pair('warnings');
  await c.say('see you on snap');
  await c.$('#ask').waitFor();
  await c.page.getByRole('button', { name: 'Send', exact: true }).first().click();
  await d.sees('see you on snap');
});
