/** The editor page: defines its elements, which find each other inside `<collab-editor>`. */
import { CollabBlocks } from './blocks.js';
import { CollabBubble } from './bubble.js';
import { CollabEditor } from './document.js';
import { CollabFailure } from './failure.js';
import { CollabFind } from './find.js';
import { CollabImagePanel } from './image-panel.js';
import { CollabImages } from './images.js';
import { CollabLink } from './link.js';
import { CollabPeople } from './people.js';
import { CollabRights } from './rights.js';
import { CollabSlash } from './slash.js';
import { CollabState } from './state.js';
import { CollabTitle } from './title.js';
import { CollabToolbar } from './toolbar.js';
import { CollabWords } from './words.js';

customElements.define('collab-title', CollabTitle);
customElements.define('collab-toolbar', CollabToolbar);
customElements.define('collab-link', CollabLink);
customElements.define('collab-bubble', CollabBubble);
customElements.define('collab-slash', CollabSlash);
customElements.define('collab-blocks', CollabBlocks);
customElements.define('collab-images', CollabImages);
customElements.define('collab-image-panel', CollabImagePanel);
customElements.define('collab-state', CollabState);
customElements.define('collab-failure', CollabFailure);
customElements.define('collab-rights', CollabRights);
customElements.define('collab-people', CollabPeople);
customElements.define('collab-find', CollabFind);
customElements.define('collab-words', CollabWords);
// Last: it binds the others.
customElements.define('collab-editor', CollabEditor);
