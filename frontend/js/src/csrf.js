/** Django's token: from its cookie, which is the newest, or from any form on the page. */
export function csrfToken() {
  const cookie = document.cookie.split('; ').find((pair) => pair.startsWith('csrftoken='));
  if (cookie) return cookie.slice('csrftoken='.length);
  const field = document.querySelector('input[name="csrfmiddlewaretoken"]');
  return field instanceof HTMLInputElement ? field.value : '';
}
