import { useEffect, useRef, useState } from "preact/hooks";
import { BadPhoto, closeCamera, openCamera, photoOfFile, photoOfVideo } from "../capture/photo";
import { Icon } from "../ui/icon";
import { Button, Notice } from "../ui/parts";
import { useAction, useWallet } from "../wallet";

interface Props {
  /** Raises Problem with a refusal reason. */
  readonly send: (photo: Blob) => Promise<void>;
  readonly onDone: () => void;
}

/** One photograph, from the camera or a file; seen by the person before it is sent. */
export function Capture({ send, onDone }: Props) {
  const { t, say } = useWallet();
  const { busy, why, run, clear } = useAction();
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [photo, setPhoto] = useState<Blob | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);

  // The camera's light goes out with the page.
  useEffect(() => () => void (stream !== null && closeCamera(stream)), [stream]);

  const start = async (): Promise<void> => {
    clear();
    say(null);
    setTrouble(null);
    setPhoto(null);
    try {
      setStream(await openCamera());
    } catch {
      setTrouble(t("face.no_camera"));
    }
  };
  const keep = async (make: () => Promise<Blob>): Promise<void> => {
    clear();
    setTrouble(null);
    try {
      setPhoto(await make());
      setStream(null);
    } catch (error) {
      if (!(error instanceof BadPhoto)) throw error;
      setTrouble(t("face.bad_file"));
    }
  };
  const use = (chosen: Blob): Promise<void> =>
    run(async () => {
      await send(chosen);
      onDone();
    });

  return (
    <div class="stack">
      {trouble !== null && <Notice tone="bad" text={trouble} />}
      {why !== null && <Notice tone="bad" text={why} />}
      {stream !== null && <Viewfinder stream={stream} onTake={(video) => void keep(() => photoOfVideo(video))} onStop={() => setStream(null)} />}
      {photo !== null && (
        <>
          <Preview photo={photo} />
          <div class="row">
            <Button tone="primary" busy={busy} onPress={() => void use(photo)}>
              {t(busy ? "face.sending" : "face.use")}
            </Button>
            <Button
              disabled={busy}
              onPress={() => {
                clear();
                setPhoto(null);
              }}
            >
              {t("face.again")}
            </Button>
          </div>
        </>
      )}
      {stream === null && photo === null && (
        <>
          <p class="lead">{t("face.intro")}</p>
          <p>{t("face.tips")}</p>
          <div class="row">
            <Button tone="primary" icon="camera" onPress={() => void start()}>
              {t("face.camera")}
            </Button>
            <FileButton onFile={(file) => void keep(() => photoOfFile(file))} />
          </div>
        </>
      )}
    </div>
  );
}

function FileButton({ onFile }: { onFile: (file: File) => void }) {
  const { t } = useWallet();
  return (
    <label class="button plain file">
      <input
        type="file"
        accept="image/*"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file !== undefined) onFile(file);
        }}
      />
      <Icon name="file" />
      <span>{t("face.file")}</span>
    </label>
  );
}

/** The live picture, mirrored as people expect, with an oval to fill. The photograph itself is not mirrored. */
function Viewfinder({ stream, onTake, onStop }: { stream: MediaStream; onTake: (video: HTMLVideoElement) => void; onStop: () => void }) {
  const { t } = useWallet();
  const video = useRef<HTMLVideoElement>(null);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = stream;
  }, [stream]);
  return (
    <>
      <div class="viewfinder">
        <video ref={video} autoPlay muted playsInline aria-label={t("face.guide")} onLoadedData={() => setReady(true)} />
        <svg viewBox="0 0 300 400" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
          <path class="shade" fill-rule="evenodd" d="M-600-600h1500v1600H-600zM150 62a98 132 0 1 0 .01 0z" />
          <path class="oval" d="M150 62a98 132 0 1 0 .01 0z" />
        </svg>
        <p>{t("face.guide")}</p>
      </div>
      <div class="row">
        <Button tone="primary" icon="camera" disabled={!ready} onPress={() => video.current !== null && onTake(video.current)}>
          {t("face.take")}
        </Button>
        <Button onPress={onStop}>{t("face.stop")}</Button>
      </div>
    </>
  );
}

function Preview({ photo }: { photo: Blob }) {
  const { t } = useWallet();
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(photo);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [photo]);
  return address === null ? null : <img class="preview" src={address} alt={t("face.preview")} />;
}
