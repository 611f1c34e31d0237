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
    return await encode(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

export function photoOfVideo(video: HTMLVideoElement): Promise<Blob> {
  return encode(video, video.videoWidth, video.videoHeight);
}

async function encode(source: CanvasImageSource, sourceWidth: number, sourceHeight: number): Promise<Blob> {
  if (sourceWidth === 0 || sourceHeight === 0) throw new BadPhoto("an empty picture");
  const { width, height } = fit(sourceWidth, sourceHeight);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) throw new BadPhoto("no canvas");
  context.drawImage(source, 0, 0, width, height);
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
