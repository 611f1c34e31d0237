/** Line icons, 24 x 24, drawn here so that nothing is fetched. Always decorative: the text beside them says it. */

const PATHS = {
  home: "M4 11 12 4l8 7v9h-5v-6H9v6H4z",
  pass: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18v2",
  consent: "M9 12l2 2 4-4M12 3l8 3v6c0 4.5-3.3 7.7-8 9-4.7-1.3-8-4.5-8-9V6z",
  uses: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  face: "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M9 9.5v.5M15 9.5v.5M9 15c1.8 1.4 4.2 1.4 6 0",
  identity: "M4 5h16v14H4zM8 15c.4-1.6 1.5-2.4 3-2.4s2.6.8 3 2.4M11 10.5a1.5 1.5 0 1 0 0-.01M16 10h2M16 13h2",
  check: "M5 12.5 10 17.5 19 7",
  info: "M12 11v6M12 7.5v.01M12 3a9 9 0 1 0 .01 0z",
  alert: "M12 9v4M12 16.5v.01M12 4 21 19.5H3z",
  camera: "M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 10a3.5 3.5 0 1 0 .01 0z",
  file: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9v.01",
  globe: "M12 3a9 9 0 1 0 .01 0zM3 12h18M12 3c5 5.5 5 12.5 0 18M12 3c-5 5.5-5 12.5 0 18",
  close: "M6 6l12 12M18 6 6 18",
  signal: "M12 18v.01M8.5 14.5a5 5 0 0 1 7 0M5 11a10 10 0 0 1 14 0M4 4l16 16",
  leave: "M14 4h5v16h-5M3 12h11M10 8l4 4-4 4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
