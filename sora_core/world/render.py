"""Draws simulated motion with MuJoCo's renderer.

One stage per picture size holds every texture and hidden spare bodies; a clip only moves, colours and sizes them, so
that the costly part (graphics context, textures, shadow map) is made once per process and size.
"""

from __future__ import annotations

import math
from types import TracebackType

import mujoco
import numpy as np

from . import textures
from .backend import graphics_context
from .materials import COLOURS, FLOORS, MATERIALS
from .physics import Motion
from .places import FIELD_OF_VIEW_DEG, LIGHTS, PLACES
from .record import MAX_OBJECTS, ObjectRecord
from .scenes.scene import Scene

_AWAY = (0.0, -50.0, -50.0)
_BACKDROPS = ("wall", "studio", "gym", "boards", "brick", "sea", "hills")
_OUTDOOR = ("sea", "hills")
_RINGS = (1.12, 0.93, 0.70)
"""Radii of a shadow's discs, as shares of the body's own."""
_SHADE = 0.20
"""Opacity of one disc of a body on the ground."""
_OVERSAMPLE = 2
"""Pictures are drawn twice as large and averaged: in software a third faster than 4-fold multisampling, and finer."""
_STILL = 2e-4
"""Metres (and quaternion units) by which a body must move to be drawn again."""
_HIDDEN = 5
"""A geom group that the renderer leaves out."""


def _assets() -> str:
    side, cube = textures.TEXTURE_SIDE, textures.CUBE_SIDE
    flat = f'builtin="flat" rgb1="1 1 1" rgb2="1 1 1" width="{side}" height="{side}"'
    parts = []
    for name in FLOORS:
        parts.append(f'<texture name="floor_{name}" type="2d" {flat}/><material name="floor_{name}" '
                     f'texture="floor_{name}" texrepeat="0.7 0.7" texuniform="true" specular="0.1" shininess="0.3"/>')
    for name in _BACKDROPS:
        glow = 0.75 if name in _OUTDOOR else 0.0
        parts.append(f'<texture name="back_{name}" type="2d" {flat}/><material name="back_{name}" '
                     f'texture="back_{name}" specular="0" emission="{glow}"/>')
    for name, look in MATERIALS.items():
        for shape in ("ball", "box"):
            key = f"{shape}_{name}"
            parts.append(f'<texture name="{key}" type="cube" builtin="flat" rgb1="1 1 1" rgb2="1 1 1" width="{cube}"'
                         f' height="{cube}"/><material name="{key}" texture="{key}" specular="{look.specular}" '
                         f'shininess="{look.shininess}"/>')
    return "".join(parts)


def _stage_xml(width: int, height: int) -> str:
    spare = "".join(
        f'<body name="{shape}{i}" mocap="true" pos="0 -50 -50"><geom name="{shape}{i}" type="{kind}" size=".2 .2 .2"'
        f' contype="0" conaffinity="0"/></body>'
        for i in range(MAX_OBJECTS) for shape, kind in (("ball", "sphere"), ("box", "box"))
    )
    spare += "".join(
        f'<body name="shade{i}_{ring}" mocap="true" pos="0 -50 -50"><geom name="shade{i}_{ring}" type="cylinder" '
        f'size=".2 .001" rgba="0 0 0 0.2" contype="0" conaffinity="0"/></body>'
        for i in range(MAX_OBJECTS) for ring in range(len(_RINGS))
    )
    return (
        f'<mujoco><statistic extent="2.6" center="0 0 0.6"/><visual><quality shadowsize="0" offsamples="0" '
        f'numslices="30" numstacks="18"/><map znear="0.05" zfar="20"/>'
        f'<headlight ambient="0 0 0" diffuse="0 0 0" specular="0 0 0"/>'
        f'<global offwidth="{_OVERSAMPLE * width}" offheight="{_OVERSAMPLE * height}"/></visual>'
        f'<asset>{_assets()}</asset><worldbody>'
        f'<light name="lamp" directional="true" pos="0 0 4" dir="0 0 -1" castshadow="false"/>'
        f'<geom name="floor" type="plane" size="20 20 .1" contype="0" conaffinity="0"/>'
        f'<body name="back" mocap="true"><geom name="back" type="plane" size="20 4.5 .1" contype="0" '
        f'conaffinity="0"/></body>'
        f'<body name="side" mocap="true"><geom name="side" type="box" size=".06 1.5 .8" contype="0" '
        f'conaffinity="0"/></body>{spare}<camera name="view" fovy="{FIELD_OF_VIEW_DEG}"/></worldbody></mujoco>'
    )


def _halve(picture: np.ndarray) -> np.ndarray:
    """Average each 2 x 2 pixels of an (2h, 2w, 3) uint8 picture, rounding to nearest."""
    rows = picture[0::2].astype(np.uint16) + picture[1::2]
    return ((rows[:, 0::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)


class Stage:
    """Renders clips of one picture size; a context manager.

    The camera never moves within a clip, so the empty scene is drawn once, and each frame only draws the rectangle
    that holds the bodies and their shadows; frames in which nothing moves are copied.

    Args:
        width, height: pixels.

    Raises:
        ResourceError: nothing can be drawn on this machine.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._graphics = graphics_context(_OVERSAMPLE * width, _OVERSAMPLE * height)
        self._model = mujoco.MjModel.from_xml_string(_stage_xml(width, height))
        self._data = mujoco.MjData(self._model)
        self._paint()
        self._graphics.make_current()
        self._scene = mujoco.MjvScene(self._model, maxgeom=64)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self._option, self._camera = mujoco.MjvOption(), mujoco.MjvCamera()
        self._camera.type, self._camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0
        self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        names = [[f"shade{i}_{ring}" for ring in range(len(_RINGS))] for i in range(MAX_OBJECTS)]
        self._shade_geoms = np.array([[self._model.geom(name).id for name in row] for row in names])
        self._shade_slots = np.array([[self._model.body(name).mocapid[0] for name in row] for row in names])

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics context."""
        self._context.free()
        self._graphics.free()

    def render(self, scene: Scene, motion: Motion) -> np.ndarray:
        """Draw every frame of a clip.

        Returns:
            (frames, height, width, 3) uint8.
        """
        self._dress(scene)
        whole = (0, 0, self.width, self.height)
        self._graphics.make_current()
        empty = self._draw(whole)
        for i, body in enumerate(scene.bodies):
            self._dress_body(i, body.record)
        frames = np.empty((len(motion.frames), self.height, self.width, 3), np.uint8)
        slots = [self._model.body(f"{body.record.kind}{i}").mocapid[0] for i, body in enumerate(scene.bodies)]
        drawn = None
        for index, poses in enumerate(motion.frames):
            if drawn is not None and np.abs(poses - drawn).max() < _STILL:
                frames[index] = frames[index - 1]
                continue
            drawn = poses
            self._data.mocap_pos[slots] = poses[:, :3]
            self._data.mocap_quat[slots] = poses[:, 3:]
            left, top, right, bottom = self._shade(scene, poses)
            frames[index] = empty
            if left < right and top < bottom:
                frames[index, top:bottom, left:right] = self._draw((left, top, right, bottom))
        return frames

    def _draw(self, crop: tuple[int, int, int, int]) -> np.ndarray:
        """Draw a rectangle (left, top, right, bottom) of the picture, (bottom - top, right - left, 3) uint8."""
        left, top, right, bottom = crop
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        mujoco.mjv_updateScene(self._model, self._data, self._option, None, self._camera,
                               mujoco.mjtCatBit.mjCAT_ALL, self._scene)
        for camera in self._scene.camera:
            half_high = camera.frustum_near * math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
            half_wide = half_high * self.width / self.height
            camera.frustum_top = half_high * (1 - 2 * top / self.height)
            camera.frustum_bottom = half_high * (1 - 2 * bottom / self.height)
            camera.frustum_center = half_wide * ((left + right) / self.width - 1)
            camera.frustum_width = half_wide * (right - left) / self.width
        wide, high = _OVERSAMPLE * (right - left), _OVERSAMPLE * (bottom - top)
        rectangle = mujoco.MjrRect(0, 0, wide, high)
        picture = np.empty((high, wide, 3), np.uint8)
        mujoco.mjr_render(rectangle, self._scene, self._context)
        mujoco.mjr_readPixels(picture, None, rectangle, self._context)
        return _halve(picture[::-1])

    def _paint(self) -> None:
        """Replace the flat textures by the procedural ones before they go to the graphics context."""
        pictures = {f"floor_{name}": textures.floor(name) for name in FLOORS}
        pictures |= {f"back_{name}": textures.backdrop(name) for name in _BACKDROPS}
        for name, look in MATERIALS.items():
            for shape in ("ball", "box"):
                pictures[f"{shape}_{name}"] = textures.body(look.texture or "plain", shape == "box")
        for name, picture in pictures.items():
            texture = self._model.texture(name)
            start = self._model.tex_adr[texture.id]
            self._model.tex_data[start: start + picture.size] = picture.ravel()

    def _dress(self, scene: Scene) -> None:
        """Set materials, colours, sizes, light and camera for a scene; hide everything it does not use."""
        model, data, setting = self._model, self._data, scene.setting
        place, light, view = PLACES[setting.place], LIGHTS[setting.light], setting.view
        data.mocap_pos[:] = _AWAY
        model.geom_group[:] = _HIDDEN
        for name in ("floor", "back"):
            model.geom(name).group = 0
        model.geom("floor").matid = model.material(f"floor_{setting.floor}").id
        model.geom("floor").rgba = 1.0
        tint = np.array(setting.tint)
        model.geom("back").matid = model.material(f"back_{place.backdrop}").id
        model.geom("back").rgba = [*(tint * np.array(light.sky if place.backdrop in _OUTDOOR else light.wall)), 1.0]
        slot = model.body("back").mocapid[0]
        data.mocap_pos[slot] = [0.0, place.distance_m, 4.5]
        data.mocap_quat[slot] = [math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0]
        if scene.wall_x is not None:
            data.mocap_pos[model.body("side").mocapid[0]] = [
                scene.wall_x + math.copysign(0.06, scene.wall_x), place.distance_m - 1.5, 0.8]
            model.geom("side").group = 0
            model.geom("side").rgba = [*(0.9 * tint), 1.0]
        turn, tilt = setting.light_jitter
        x, y, z = light.direction
        model.light_dir[0] = np.array([x + turn, y + tilt, z]) / math.sqrt((x + turn) ** 2 + (y + tilt) ** 2 + z * z)
        model.light_diffuse[0], model.light_ambient[0] = light.diffuse, 0.0
        model.vis.headlight.ambient[:] = light.ambient
        model.light_specular[0] = np.array(light.diffuse) * 0.9
        model.cam_pos[0] = view.position
        mujoco.mju_mat2Quat(model.cam_quat[0], view.rotation.ravel())

    def _shade(self, scene: Scene, poses: np.ndarray) -> tuple[int, int, int, int]:
        """Lay each body's shadow where the lamp throws it; return the rectangle that holds bodies and shadows."""
        model, ray, rings = self._model, self._model.light_dir[0], np.array(_RINGS)
        bounds = []
        for i, body in enumerate(scene.bodies):
            radius, height = body.record.radius_m, max(poses[i, 2] - body.record.radius_m, 0.0)
            place = poses[i, :2] - ray[:2] / ray[2] * (height + 0.35 * radius)
            is_box = body.record.kind == "box"
            wide = radius * (1.16 if is_box else 1.0)
            sizes = wide * rings + 0.35 * height * (rings - 0.8)
            self._data.mocap_pos[self._shade_slots[i], :2] = place
            self._data.mocap_pos[self._shade_slots[i], 2] = 0.003 + 0.0025 * np.arange(len(rings))
            model.geom_size[self._shade_geoms[i], 0] = sizes
            model.geom_rgba[self._shade_geoms[i], 3] = _SHADE / (1 + 0.9 * height)
            bounds.append([*poses[i, :3], radius * (math.sqrt(3) if is_box else 1.0)])
            bounds.append([*place, 0.0, sizes[0]])
        return self._rectangle(scene, np.array(bounds)) if bounds else (0, 0, 0, 0)

    def _rectangle(self, scene: Scene, spheres: np.ndarray) -> tuple[int, int, int, int]:
        """Pixels (left, top, right, bottom) that hold all spheres (n, 4): place and radius."""
        x, y, radius, _ = scene.view.project(spheres[:, :3], spheres[:, 3]).T
        # A sphere off the axis is drawn as an ellipse that is longer than its radius says.
        reach = 1.25 * radius + 4 / self.height
        across = reach * self.height / self.width
        left, right = (x - across).min(), (x + across).max()
        top, bottom = (y - reach).min(), (y + reach).max()
        to_x, to_y = self.width / 2, self.height / 2
        return (
            int(np.clip(math.floor((left + 1) * to_x), 0, self.width)),
            int(np.clip(math.floor((top + 1) * to_y), 0, self.height)),
            int(np.clip(math.ceil((right + 1) * to_x), 0, self.width)),
            int(np.clip(math.ceil((bottom + 1) * to_y), 0, self.height)),
        )

    def _dress_body(self, slot: int, record: ObjectRecord) -> None:
        look = MATERIALS[record.material]
        geom = self._model.geom(f"{record.kind}{slot}")
        colour = np.array(COLOURS[record.colour])
        geom.matid = self._model.material(f"{record.kind}_{record.material}").id
        geom.rgba = [*(colour + look.pale * (1 - colour)), look.alpha]
        geom.size = record.radius_m
        geom.group = 0
        for ring in range(len(_RINGS)):
            self._model.geom(f"shade{slot}_{ring}").group = 0
