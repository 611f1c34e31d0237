/** A QR code as wide as it may be: level M, quiet zone of four modules, whole device pixels per module, black on white in every theme. */
import encodeQR from "qr";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

/** The modules of the code with its quiet zone; true is dark. Level M, the smallest version that holds the text. */
export function modulesOf(text: string): readonly (readonly boolean[])[] {
  return encodeQR(text, "raw", { ecc: "medium", border: 4 });
}

export function QrCode({ text, label }: { text: string; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [room, setRoom] = useState(0);
  const modules = useMemo(() => modulesOf(text), [text]);

  useEffect(() => {
    const target = box.current;
    if (target === null) return undefined;
    const observer = new ResizeObserver(() => setRoom(target.clientWidth));
    observer.observe(target);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (canvas.current !== null && room > 0) draw(canvas.current, modules, room);
  }, [modules, room]);

  return (
    <div class="qr" ref={box}>
      <canvas ref={canvas} role="img" aria-label={label} />
    </div>
  );
}

/** `room`: CSS pixels available. */
function draw(canvas: HTMLCanvasElement, modules: readonly (readonly boolean[])[], room: number): void {
  const pixel = Math.max(1, Math.floor((room * devicePixelRatio) / modules.length));
  const side = modules.length * pixel;
  canvas.width = side;
  canvas.height = side;
  canvas.style.width = `${side / devicePixelRatio}px`;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.fillStyle = "#000";
  modules.forEach((row, y) => row.forEach((dark, x) => dark && context.fillRect(x * pixel, y * pixel, pixel, pixel)));
}
