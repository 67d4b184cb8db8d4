/** The page of a plain text: defines its elements, which find each other in `<collab-editor>`. */
import { CollabFailure } from './failure.js';
import { CollabFind } from './find.js';
import { CollabPeople } from './people.js';
import { CollabRights } from './rights.js';
import { CollabState } from './state.js';
import { CollabText } from './text-document.js';
import { CollabTitle } from './title.js';
import { CollabWords } from './words.js';

customElements.define('collab-title', CollabTitle);
customElements.define('collab-state', CollabState);
customElements.define('collab-failure', CollabFailure);
customElements.define('collab-rights', CollabRights);
customElements.define('collab-people', CollabPeople);
customElements.define('collab-find', CollabFind);
customElements.define('collab-words', CollabWords);
// Last: it binds the others.
customElements.define('collab-editor', CollabText);
