/** Photographs on their way to enrolment: scaled and encoded anew, so that no place, time or device data leaves the phone. */

/** Longest side, in pixels. */
export const LONGEST = 1280;
const QUALITY = 0.92;

/** The file is no picture that this browser reads. */
export class BadPhoto extends Error {
  override readonly name = "BadPhoto";
}

export function fit(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

export async function photoOfFile(file: Blob): Promise<Blob> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch (cause) {
    throw new BadPhoto("not a picture", { cause });
  }
  try {
    return await encode(bitmap, { x: 0, y: 0, width: bitmap.width, height: bitmap.height });
  } finally {
    bitmap.close();
  }
}

/** What the viewfinder shows and no more: people beside the oval are not in the picture. */
export function photoOfVideo(video: HTMLVideoElement): Promise<Blob> {
  return encode(video, portraitCrop(video.videoWidth, video.videoHeight));
}

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The middle of a picture in the viewfinder's shape, three wide to four high. */
export function portraitCrop(width: number, height: number): Area {
  const [w, h] = [Math.min(width, Math.round((height * 3) / 4)), Math.min(height, Math.round((width * 4) / 3))];
  return { x: Math.floor((width - w) / 2), y: Math.floor((height - h) / 2), width: w, height: h };
}

async function encode(source: CanvasImageSource, area: Area): Promise<Blob> {
  if (area.width === 0 || area.height === 0) throw new BadPhoto("an empty picture");
  const { width, height } = fit(area.width, area.height);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) throw new BadPhoto("no canvas");
  context.drawImage(source, area.x, area.y, area.width, area.height, 0, 0, width, height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new BadPhoto("not encoded")) : resolve(blob)), "image/jpeg", QUALITY);
  });
}

/** The front camera. Raises DOMException when refused or absent. */
export function openCamera(): Promise<MediaStream> {
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } }, audio: false });
}

export function closeCamera(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
