// clean.js: what a text field can hold, made fit to be sent and to be shown.

// As src/wire/visible.c. U+2800, U+FFF9 to U+FFFB and U+1D159 are blank as well, though Unicode has no property that says so.
const VISIBLE = /[^\s\p{Z}\u0085\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb\u{1d159}]/u;
const BREAK = /\r\n|[\r\v\f\u0085\u2028\u2029]/g;
const BLANK_LINES = /\n(?:[^\S\n]*\n){2,}/g;
const FEW_EMOJI = /^(?:(?:\p{RI}{2}|\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f)[\p{EMod}\ufe0f]*(?:\u200d\p{Extended_Pictographic}[\p{EMod}\ufe0f]*)*\s*){1,3}$/u;

/** Half of an emoji and U+0000 are no JSON for the server: it could not even say which request it refuses. */
export const sendable = text => text.replace(/\p{Cs}/gu, '\ufffd').replaceAll('\0', '');

export const isVisible = text => VISIBLE.test(text);

/** Two line breaks in a row are the most: a stranger must not push everything else out of the window. */
export const shown = text => text.replace(BREAK, '\n').replace(BLANK_LINES, '\n\n');

export const isFewEmoji = text => text.length <= 60 && FEW_EMOJI.test(text);
