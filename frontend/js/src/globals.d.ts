/** What Django's JavaScriptCatalog (`/jsi18n/`, loaded before the bundles) puts on the page. */
declare function gettext(text: string): string;
declare function ngettext(singular: string, plural: string, count: number): string;
declare function interpolate(
  format: string,
  values: Record<string, unknown> | unknown[],
  named?: boolean,
): string;

/** The page's own script, before the bundles. */
declare const htmx: {
  ajax(method: string, path: string, context: { target: string; swap: string }): Promise<void>;
  process(element: Element): void;
  swap(context: {
    sourceElement: Element;
    target: Element;
    swap: string;
    text: string;
    transition: boolean;
  }): Promise<void>;
};
