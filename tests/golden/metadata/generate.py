"""Writes tiny pictures that carry settings as other apps write them. Needs Pillow; run it in this folder.

The texts are typed by hand after each app's own writer:
AUTOMATIC1111 (modules/processing.py create_infotext, modules/images.py save_image_with_geninfo), stable-diffusion.cpp
(examples/common), ComfyUI (nodes.py SaveImage, comfy_extras/nodes_images.py SaveAnimatedWEBP), InvokeAI
(app/invocations/metadata.py), Draw Things (what ImageIO makes of its EXIF comment), Fooocus (modules/meta_parser.py,
modules/private_logger.py), NovelAI (pictures it serves), SwarmUI (T2IParamInput.GenMetadataObject, ImageFile.cs).
"""

import json
import struct

from PIL import Image
from PIL.PngImagePlugin import PngInfo

PICTURE = Image.new("RGB", (8, 8), (200, 10, 30))


def png(name, texts, international=()):
    info = PngInfo()
    for keyword, text in texts.items():
        if keyword in international:
            info.add_itxt(keyword, text)
        else:
            info.add_text(keyword, text)
    PICTURE.save(name, pnginfo=info)


def comment(value, order):
    """EXIF data with one UserComment, as piexif (big endian) and others (little endian) lay it out."""
    entry = lambda tag, kind, count, value: struct.pack(order + "HHII", tag, kind, count, value)
    exif_ifd = 8 + 2 + 12 + 4
    data = exif_ifd + 2 + 12 + 4
    return b"".join([
        b"Exif\0\0",
        {">": b"MM\0*", "<": b"II*\0"}[order], struct.pack(order + "I", 8),
        struct.pack(order + "H", 1), entry(0x8769, 4, 1, exif_ifd), struct.pack(order + "I", 0),
        struct.pack(order + "H", 1), entry(0x9286, 7, len(value), data), struct.pack(order + "I", 0),
        value,
    ])


# AUTOMATIC1111: the present version, one of 2022 in Unicode, a picture drawn over another one, JPEG, WebP.
A1111 = (
    "a red fox in the snow, <lora:fur_detail:0.8>\nphoto, 35mm\n"
    "Negative prompt: blurry, (ugly:1.3)\nlow quality\n"
    "Steps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 4294967295, Size: 512x768, "
    "Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, VAE hash: 735e4c3a44, VAE: vae-ft-mse.safetensors, "
    "Denoising strength: 0.7, Clip skip: 2, Hires upscale: 2, Hires steps: 10, Hires upscaler: Latent, "
    'Lora hashes: "fur_detail: 3b1a2c3d4e5f", Version: v1.10.1'
)
A1111_OLD = (
    "雪の中の狐\nNegative prompt: ぼやけた\n"
    "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 42, Size: 512x512, Model hash: 81761151"
)
A1111_PLAIN = "a hen\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: m, RNG: CPU, Version: v1.10.1"
SDCPP = (
    "a cat\nNegative prompt: dog\n"
    "Steps: 20, CFG scale: 7.000000, Guidance: 3.500000, Eta: 0.000000, Seed: 42, Size: 512x512, Model: sd-v1-4.ckpt, "
    'RNG: cuda, Sampler: euler_a, Version: stable-diffusion.cpp, SDCPP: {"a": [1, 2]}'
)
png("a1111.png", {"parameters": A1111})
png("a1111_old.png", {"parameters": A1111_OLD}, ["parameters"])
png("sdcpp.png", {"parameters": SDCPP})
PICTURE.save("a1111.jpg", exif=comment(b"UNICODE\0" + A1111_PLAIN.encode("utf-16-be"), ">"), quality=90)
PICTURE.save("a1111.webp", exif=comment(b"UNICODE\0" + A1111_PLAIN.encode("utf-16-le"), "<"), lossless=True)
PICTURE.save("a1111_ascii.jpg", exif=comment(b"ASCII\0\0\0" + A1111_PLAIN.encode(), "<"), quality=90)

# AUTOMATIC1111's text where programs that convert pictures move it: the JPEG's own comment, that of Windows, the description.
PICTURE.save("a1111_comment.jpg", comment=A1111_PLAIN.encode(), quality=90)
for name, tag, value in [
    ("a1111_windows.jpg", 0x9C9C, (A1111_PLAIN + "\0").encode("utf-16-le")), ("a1111_description.jpg", 0x010E, A1111_PLAIN),
]:
    exif = Image.Exif()
    exif[tag] = value
    PICTURE.save(name, exif=exif, quality=90)

# ComfyUI: the graph it starts with, as PNG (with the NaN that custom nodes leave) and as WebP.
GRAPH = {
    "3": {"inputs": {"seed": 156680208700286, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m", "scheduler": "karras",
                     "denoise": 1.0, "model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0],
                     "latent_image": ["5", 0]}, "class_type": "KSampler", "_meta": {"title": "KSampler"}},
    "4": {"inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}, "class_type": "CheckpointLoaderSimple"},
    "5": {"inputs": {"width": 512, "height": 640, "batch_size": 1}, "class_type": "EmptyLatentImage"},
    "6": {"inputs": {"text": ["11", 0], "clip": ["10", 1]}, "class_type": "CLIPTextEncode", "is_changed": [float("nan")]},
    "7": {"inputs": {"text": "text, watermark", "clip": ["10", 1]}, "class_type": "CLIPTextEncode"},
    "8": {"inputs": {"samples": ["3", 0], "vae": ["4", 2]}, "class_type": "VAEDecode"},
    "9": {"inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}, "class_type": "SaveImage"},
    "10": {"inputs": {"lora_name": "fur.safetensors", "strength_model": 1.0, "strength_clip": 1.0, "model": ["4", 0],
                      "clip": ["4", 1]}, "class_type": "LoraLoader"},
    "11": {"inputs": {"value": "beautiful scenery, galaxy in a bottle"}, "class_type": "PrimitiveStringMultiline"},
}
WORKFLOW = {
    "last_node_id": 11, "last_link_id": 8, "version": 0.4,
    "nodes": [
        {"id": 3, "type": "KSampler", "mode": 0, "inputs": [
            {"name": "model", "type": "MODEL", "link": 1}, {"name": "positive", "type": "CONDITIONING", "link": 2},
            {"name": "negative", "type": "CONDITIONING", "link": 3}, {"name": "latent_image", "type": "LATENT", "link": 4},
        ], "widgets_values": [156680208700286, "randomize", 20, 8, "dpmpp_2m", "karras", 1]},
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["v1-5-pruned-emaonly.safetensors"]},
        {"id": 5, "type": "EmptyLatentImage", "widgets_values": [512, 640, 1]},
        {"id": 6, "type": "CLIPTextEncode", "inputs": [
            {"name": "clip", "type": "CLIP", "link": 5}, {"name": "text", "widget": {"name": "text"}, "link": 6},
        ], "widgets_values": [""]},
        {"id": 7, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "type": "CLIP", "link": 7}],
         "widgets_values": ["text, watermark"]},
        {"id": 10, "type": "LoraLoader", "inputs": [{"name": "model", "type": "MODEL", "link": 8}],
         "widgets_values": ["fur.safetensors", 1, 1]},
        {"id": 11, "type": "PrimitiveStringMultiline", "inputs": [{"name": "value", "widget": {"name": "value"}, "link": None}],
         "widgets_values": ["beautiful scenery, galaxy in a bottle"]},
    ],
    "links": [
        [1, 10, 0, 3, 0, "MODEL"], [2, 6, 0, 3, 1, "CONDITIONING"], [3, 7, 0, 3, 2, "CONDITIONING"], [4, 5, 0, 3, 3, "LATENT"],
        [5, 10, 1, 6, 0, "CLIP"], [6, 11, 0, 6, 1, "STRING"], [7, 10, 1, 7, 0, "CLIP"], [8, 4, 0, 10, 0, "MODEL"],
    ],
}
png("comfyui.png", {"prompt": json.dumps(GRAPH), "workflow": json.dumps(WORKFLOW)})
png("comfyui_workflow.png", {"workflow": json.dumps(WORKFLOW)})
exif = Image.Exif()
exif[0x0110] = "prompt:" + json.dumps(GRAPH)
exif[0x010F] = "workflow:" + json.dumps(WORKFLOW)
PICTURE.save("comfyui.webp", exif=exif, lossless=True)

# InvokeAI.
png("invokeai.png", {"invokeai_metadata": json.dumps({
    "generation_mode": "txt2img", "positive_prompt": "a watercolour fox", "negative_prompt": "photo",
    "width": 512, "height": 512, "seed": 1841397158, "rand_device": "cpu", "cfg_scale": 7.5, "cfg_rescale_multiplier": 0.5,
    "steps": 30, "scheduler": "dpmpp_2m_k", "clip_skip": 0,
    "model": {"key": "d18b", "hash": "blake3:2e8c", "name": "stable-diffusion-v1-5", "base": "sd-1", "type": "main"},
    "loras": [{"model": {"key": "l1", "name": "watercolour"}, "weight": 0.6}], "app_version": "5.4.2",
}), "invokeai_graph": "{}"})

# Draw Things: PNG with the comment in XMP, PNG with it in texts, JPEG.
DRAW_THINGS = {
    "c": "a fox <in> \"snow\" & ice é", "uc": "blurry", "model": "sd_v1.5_f16.ckpt", "sampler": "DPM++ 2M Karras",
    "scale": 7.5, "seed": 3403502843, "seed_mode": "Scale Alike", "size": "512x768", "steps": 20, "strength": 1,
    "lora": [{"model": "fur_lora_f16.ckpt", "weight": 0.6}], "control": [], "v2": {"clipSkip": 1, "width": 512},
    "profile": {"duration": 3.5, "timings": []},
}
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 6.0.0">
   <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description rdf:about=""
            xmlns:exif="http://ns.adobe.com/exif/1.0/"
            xmlns:xmp="http://ns.adobe.com/xap/1.0/">
         <exif:UserComment>
            <rdf:Alt>
               <rdf:li xml:lang="x-default">{}</rdf:li>
            </rdf:Alt>
         </exif:UserComment>
         <xmp:CreatorTool>Draw Things</xmp:CreatorTool>
      </rdf:Description>
   </rdf:RDF>
</x:xmpmeta>
"""
text = json.dumps(DRAW_THINGS, ensure_ascii=False)
escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
png("draw_things.png", {"XML:com.adobe.xmp": XMP.replace("{}", escaped)}, ["XML:com.adobe.xmp"])
png("draw_things_texts.png", {
    "Description": "a fox", "Software": "Draw Things", "Comment": json.dumps(DRAW_THINGS | {"seed_mode": "Torch CPU Compatible"}),
})
PICTURE.save("draw_things.jpg", exif=comment(b"ASCII\0\0\0" + text.encode(), ">"), quality=90)

# Fooocus: its own scheme as PNG and JPEG, AUTOMATIC1111's as PNG.
FOOOCUS = {
    "adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "juggernautXL_v8Rundiffusion", "base_model_hash": "aeb7e9e689",
    "full_negative_prompt": ["blurry", "drawing"], "full_prompt": ["cinematic still a fox", "a fox, sharp focus"],
    "guidance_scale": 4, "lora_combined_1": "sd_xl_offset_example-lora_1.0 : 0.1",
    "loras": [["sd_xl_offset_example-lora_1.0", 0.1, "4852686128"]], "metadata_scheme": "fooocus",
    "negative_prompt": "blurry", "performance": "Speed", "prompt": "a fox", "refiner_model": "None",
    "refiner_switch": 0.5, "resolution": "(1152, 896)", "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras",
    "seed": "1234567890123456789", "sharpness": 2, "steps": 30, "styles": "['Fooocus V2', 'Fooocus Enhance']",
    "vae": "Default (model)", "version": "Fooocus v2.5.0",
}
png("fooocus.png", {"parameters": json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"})
exif = Image.Exif()
exif[0x9286] = json.dumps(FOOOCUS)
exif[0x0131] = "Fooocus v2.5.0"
exif[0x927C] = "fooocus"
PICTURE.save("fooocus.jpg", exif=exif, quality=90)
png("fooocus_a1111.png", {"parameters": (
    "cinematic still a fox, sharp focus\nNegative prompt: blurry, drawing\n"
    "Steps: 30, Sampler: DPM++ 2M SDE Karras, Seed: 7, Size: 1152x896, CFG scale: 4, Sharpness: 2, "
    'ADM Guidance: "(1.5, 0.8, 0.3)", Model: juggernautXL_v8Rundiffusion, Model hash: aeb7e9e689, Performance: Speed, '
    'Scheduler: karras, VAE: Default (model), Raw prompt: "a fox\\nin two lines", Raw negative prompt: blurry, '
    "Version: Fooocus v2.5.0"
), "fooocus_scheme": "a1111"})

# NovelAI: PNG and WebP.
NOVELAI = {
    "prompt": "1girl, {silver hair}", "steps": 28, "height": 1216, "width": 832, "scale": 5.0, "uncond_scale": 1.0,
    "cfg_rescale": 0.2, "seed": 3816166865, "n_samples": 1, "noise_schedule": "karras", "sampler": "k_dpmpp_2m",
    "sm": False, "sm_dyn": False, "dynamic_thresholding": False, "uc": "lowres", "request_type": "PromptGenerateRequest",
    "v4_prompt": {"caption": {"base_caption": "1girl", "char_captions": [{"char_caption": "smile", "centers": []}]}},
}
TEXTS = {
    "Title": "NovelAI generated image", "Description": NOVELAI["prompt"], "Software": "NovelAI",
    "Source": "NovelAI Diffusion V4 37442FCA", "Generation time": "4.2", "Comment": json.dumps(NOVELAI),
}
png("novelai.png", TEXTS)
PICTURE.save("novelai.webp", exif=comment(b"ASCII\0\0\0" + json.dumps(TEXTS).encode(), ">"), lossless=True)

# SwarmUI: PNG and JPEG.
SWARM = {
    "sui_image_params": {
        "prompt": "a fox in the snow", "negativeprompt": "blurry", "model": "OfficialStableDiffusion/v1-5", "seed": 7,
        "steps": 25, "cfgscale": 6.5, "aspectratio": "2:3", "width": 512, "height": 768, "sampler": "euler",
        "scheduler": "karras", "loras": ["fur"], "loraweights": ["0.8"], "swarm_version": "0.9.4.0",
    },
    "sui_extra_data": {"date": "2024-12-01", "prep_time": "0.01 sec", "generation_time": "4.20 sec"},
    "sui_models": [{"name": "OfficialStableDiffusion/v1-5.safetensors", "param": "model", "hash": "0x6ce0"}],
}
png("swarmui.png", {"parameters": json.dumps(SWARM, indent=2)})
PICTURE.save("swarmui.jpg", exif=comment(b"UNICODE\0" + json.dumps(SWARM, indent=2).encode("utf-16-le"), "<"), quality=90)
