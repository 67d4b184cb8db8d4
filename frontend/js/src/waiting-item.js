/** An image on its way, as its author sees it: how far it is, or why it is not. */

export class WaitingItem {
  /**
   * @param {string} id of the element
   * @param {string} name of the file; may be empty
   */
  constructor(id, name) {
    this.element = document.createElement('div');
    this.element.id = id;
    this.element.className = 'waiting';
    this.element.contentEditable = 'false';
    this.words = document.createElement('p');
    this.words.className = 'waiting__words';
    this.words.setAttribute('role', 'status');
    this.bar = document.createElement('progress');
    this.bar.className = 'waiting__bar';
    this.bar.max = 1;
    this.bar.setAttribute('aria-label', gettext('Uploading'));
    this.again = button(gettext('Try again'));
    this.away = button(gettext('Cancel'));
    this.name = name;
    this.element.append(this.words, this.bar, this.again, this.away);
  }

  /**
   * @param {() => void} retry
   * @param {() => void} leave
   * @returns {AbortSignal} of the cancel button
   */
  begin(retry, leave) {
    const stop = new AbortController();
    this.bar.removeAttribute('value');
    this.bar.hidden = false;
    this.again.hidden = true;
    this.away.textContent = gettext('Cancel');
    this.words.textContent = this.name
      ? interpolate(gettext('Uploading %(name)s'), { name: this.name }, true)
      : gettext('Uploading an image');
    this.again.onclick = retry;
    this.away.onclick = () => {
      stop.abort();
      leave();
    };
    return stop.signal;
  }

  /** @param {number} part */
  progress = (part) => {
    this.bar.value = part;
  };

  /** @param {string} why */
  fail(why) {
    this.bar.hidden = true;
    this.again.hidden = false;
    this.away.textContent = gettext('Remove');
    this.words.textContent = this.name ? `${this.name}: ${why}` : why;
  }
}

/** @param {string} text */
function button(text) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = 'button';
  made.textContent = text;
  return made;
}
