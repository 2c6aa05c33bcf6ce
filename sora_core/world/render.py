"""Draws simulated motion with MuJoCo's renderer.

One stage per picture size holds every texture; a clip is a list of plain solids that are moved, sized and coloured by
hand, past MuJoCo's own scene description, so that a frame costs little more than its pixels.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import TracebackType

import mujoco
import numpy as np

from . import textures
from .backend import graphics_context
from .camera import FIELD_OF_VIEW_DEG, View
from .materials import COLOURS, FLOORS, MATERIALS
from .performance import Part
from .physics import STEPS_PER_FRAME, Motion
from .places import LIGHTS, PLACES
from .record import ObjectRecord
from .scenes.scene import Body, Scene
from .solids import Solids
from .styles import apply_style, clay, draw_air
from .water import COLUMNS, ROWS, drops, surface

FACES = ("+x", "-x", "+y", "-y", "+z", "-z")
"""Order of the six sides of a part's texture."""
_BACKDROPS = ("wall", "studio", "gym", "boards", "brick", "sea", "hills", "street", "stars")
_OUTDOOR = ("sea", "hills", "street", "stars")
_RINGS = (1.12, 0.93, 0.70)
"""Radii of a shadow's discs, as shares of the body's own."""
_SHADE = 0.20
"""Opacity of one disc of a body on the ground."""
_OVERSAMPLE = 2
"""Pictures are drawn twice as large and averaged: in software a third faster than 4-fold multisampling, and finer."""
_STILL = 2e-4
"""Metres (and quaternion units) by which a body must move to be drawn again."""
_NEAR_M, _FAR_M = 0.12, 90.0
_SKINS = 16
_FEW = 5
"""Up to so many bodies have soft shadows; of more, each has one plain disc."""
_MOST_SOLIDS = 700
_WATER = Part("hfield", (0.30, 0.62, 0.84), specular=0.9, shininess=0.7, alpha=0.30, emission=0.25)
_DROP = Part("sphere", (0.86, 0.94, 0.98), specular=0.9, shininess=0.8, alpha=0.9)
_HIGHEST_WAVE_M = 0.10
_BACKDROP_M = 20.0
"""Half the width of a backdrop; where a camera that looks aside sees more, there is one more on either side."""


def _assets() -> str:
    side, cube, skin = textures.TEXTURE_SIDE, textures.CUBE_SIDE, textures.SKIN_SIDE
    flat = f'builtin="flat" rgb1="1 1 1" rgb2="1 1 1" width="{side}" height="{side}"'
    names = [f"floor_{name}" for name in FLOORS] + [f"back_{name}" for name in _BACKDROPS]
    parts = [f'<texture name="{name}" type="2d" {flat}/>' for name in names]
    cubes = [(f"{shape}_{name}", cube) for name in MATERIALS for shape in ("ball", "box")]
    cubes += [(f"skin{i}", skin) for i in range(_SKINS)]
    parts += [f'<texture name="{name}" type="cube" builtin="flat" rgb1="1 1 1" rgb2="1 1 1" width="{edge}" '
              f'height="{edge}"/>' for name, edge in cubes]
    for name in [*names, *(name for name, _ in cubes)]:
        uniform = ' texrepeat="0.7 0.7" texuniform="true"' if name.startswith("floor") else ""
        parts.append(f'<material name="{name}" texture="{name}"{uniform}/>')
    return "".join(parts)


def _stage_xml(width: int, height: int) -> str:
    return (
        f'<mujoco><statistic extent="2.6" center="0 0 0.6"/><visual><quality shadowsize="0" offsamples="0" '
        f'numslices="26" numstacks="14"/><headlight ambient="0 0 0" diffuse="0 0 0" specular="0 0 0"/>'
        f'<global offwidth="{_OVERSAMPLE * width}" offheight="{_OVERSAMPLE * height}"/></visual>'
        f'<asset>{_assets()}<hfield name="water" nrow="{ROWS}" ncol="{COLUMNS}" size="1 1 1 1"/></asset><worldbody>'
        f'<light name="lamp" directional="true" pos="0 0 4" dir="0 0 -1" castshadow="false"/></worldbody></mujoco>'
    )


def _halve(picture: np.ndarray) -> np.ndarray:
    """Average each 2 x 2 pixels of an (2h, 2w, 3) uint8 picture, rounding to nearest."""
    rows = picture[0::2].astype(np.uint16) + picture[1::2]
    return ((rows[:, 0::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)


class Stage:
    """Renders clips of one picture size; a context manager.

    While the camera stands still, the scene without what moves is drawn once, and each frame only draws the rectangle
    that holds what moves and its shadows; frames in which nothing moves are copied.

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
        self._scene = mujoco.MjvScene(self._model, maxgeom=_MOST_SOLIDS)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._solids = Solids(self._scene)
        self._materials = {self._model.material(i).name: i for i in range(self._model.nmat)}

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

    def still(self, scene: Scene, frame: int = 0) -> np.ndarray:
        """One frame of a scene that needs no physics (no bodies), (height, width, 3) uint8."""
        return self._render(scene, None, np.zeros((1, 0, 7)), [frame], None)[0]

    def render(self, scene: Scene, motion: Motion) -> np.ndarray:
        """Draw every frame of a clip.

        Returns:
            (frames, height, width, 3) uint8.
        """
        frames = draw_air(self._film(scene, motion), scene)
        return apply_style(frames, scene.setting.style)

    def _film(self, scene: Scene, motion: Motion, shown: slice = slice(None)) -> np.ndarray:
        """Frames without style and weather, shot by shot."""
        if scene.shots:
            return np.concatenate([self._film(shot.scene, part, shot.frames)
                                   for shot, part in zip(scene.shots, motion.shots, strict=True)])
        poses = motion.frames
        numbers = list(range(len(poses)))[shown]
        broken = None if motion.broken_at is None else math.ceil(motion.broken_at / STEPS_PER_FRAME) - numbers[0]
        return self._render(scene, motion, poses[shown], numbers, broken)

    def _render(self, scene: Scene, motion: Motion | None, poses: np.ndarray, numbers: list[int],
                broken: int | None) -> np.ndarray:
        self._graphics.make_current()
        solids = self._solids
        solids.clear()
        self._light(scene)
        self._surround(scene)
        first = solids.count
        self._add_bodies(scene, poses, broken)
        self._add_figures(scene, numbers)
        waves = self._add_water(scene, motion, numbers)
        whole = (0, 0, self.width, self.height)
        frames = np.empty((len(numbers), self.height, self.width, 3), np.uint8)
        empty, is_still = None, scene.view.path is None and waves is None
        if is_still:
            solids.show(first)
            self._look(scene.view)
            empty = self._draw(whole)
            crops = self._rectangles(scene.view, solids.bounds(len(numbers)))
        solids.show()
        for index, number in enumerate(numbers):
            moved = solids.place(index, _STILL)
            if index and not moved and is_still:
                frames[index] = frames[index - 1]
                continue
            if waves is not None:
                self._model.hfield_data[:] = waves[index].ravel()
                mujoco.mjr_uploadHField(self._model, self._context, 0)
            view = scene.view.at(number)
            solids.sort(view.position)
            crop = tuple(crops[index].tolist()) if is_still else whole
            left, top, right, bottom = crop
            if empty is not None:
                frames[index] = empty
            if left < right and top < bottom:
                self._look(view, crop)
                frames[index, top:bottom, left:right] = self._draw(crop)
        return frames

    def _look(self, view: View, crop: tuple[int, int, int, int] | None = None) -> None:
        """Aim the cameras of both eyes at a rectangle (left, top, right, bottom) of a view."""
        left, top, right, bottom = crop or (0, 0, self.width, self.height)
        half_high = _NEAR_M * math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
        half_wide = half_high * self.width / self.height
        for camera in self._scene.camera:
            camera.pos[:], camera.up[:], camera.forward[:] = view.position, view.rotation[:, 1], -view.rotation[:, 2]
            camera.frustum_near, camera.frustum_far = _NEAR_M, _FAR_M
            camera.frustum_top = half_high * (1 - 2 * top / self.height)
            camera.frustum_bottom = half_high * (1 - 2 * bottom / self.height)
            camera.frustum_center = half_wide * ((left + right) / self.width - 1)
            camera.frustum_width = half_wide * (right - left) / self.width

    def _draw(self, crop: tuple[int, int, int, int]) -> np.ndarray:
        """Draw a rectangle (left, top, right, bottom) of the picture, (bottom - top, right - left, 3) uint8."""
        left, top, right, bottom = crop
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
            self._set_texture(self._model.texture(name).id, picture)

    def _set_texture(self, number: int, picture: np.ndarray) -> None:
        start = self._model.tex_adr[number]
        self._model.tex_data[start: start + picture.size] = picture.ravel()

    def _light(self, scene: Scene) -> None:
        model, setting = self._model, scene.setting
        light = LIGHTS[setting.light]
        model.light_dir[0] = _ray(scene)
        is_airless = setting.place == "moon"
        model.light_diffuse[0] = np.array(light.diffuse) * (1.25 if is_airless else 1.0)
        model.light_ambient[0] = 0.0
        model.vis.headlight.ambient[:] = np.array(light.ambient) * (0.75 if is_airless else 1.0)
        model.light_specular[0] = np.array(light.diffuse) * 0.9
        mujoco.mj_kinematics(model, self._data)
        mujoco.mj_camlight(model, self._data)
        mujoco.mjv_updateScene(model, self._data, mujoco.MjvOption(), None, mujoco.MjvCamera(),
                               mujoco.mjtCatBit.mjCAT_ALL, self._scene)
        self._scene.ngeom = 0

    def _surround(self, scene: Scene) -> None:
        """Floor, backdrop, side wall and props."""
        setting, solids = scene.setting, self._solids
        place, light, tint = PLACES[setting.place], LIGHTS[setting.light], np.array(setting.tint)
        dim = light.sky if setting.place == "moon" else light.wall
        soft = setting.style == "clay"
        floor = Part("plane", (1.0, 1.0, 1.0), specular=0.1, shininess=0.3)
        if setting.style in ("cartoon", "clay"):
            ground = FLOORS[setting.floor]
            flat = tuple(0.5 * (a + b) for a, b in zip(ground.dark, ground.light, strict=True))
            solids.add(replace(floor, colour=flat), (40, 40, 0.1))
        else:
            solids.add(floor, (40, 40, 0.1), material=self._materials[f"floor_{setting.floor}"])
        outdoor = place.backdrop in _OUTDOOR
        glow = 0.0 if not outdoor else 1.0 if place.backdrop == "stars" else 0.75
        grow = max(1.0, setting.depth_m / place.distance_m)
        back = Part("plane", tuple(tint * np.array(light.sky if outdoor else dim)), specular=0.0, emission=glow)
        half = _BACKDROP_M * grow
        for turn in (0, -2, 2) if _widest(setting.view, setting.depth_m) > half else (0,):
            solids.add(back, (half, 4.5 * grow, 0.1), (turn * half, setting.depth_m, 4.5 * grow),
                       (math.sqrt(0.5), math.sqrt(0.5), 0, 0), material=self._materials[f"back_{place.backdrop}"])
        if scene.wall_x is not None:
            wall = Part("box", tuple(0.9 * tint), specular=0.5, shininess=0.5)
            solids.add(wall, (0.06, 1.5, 0.8), (scene.wall_x + math.copysign(0.06, scene.wall_x),
                                               setting.depth_m - 1.5, 0.8))
        for index, prop in enumerate(scene.props):
            if index != scene.breaks:
                for solid in prop.solids:
                    solids.add(clay(solid.part) if soft else solid.part, solid.size, solid.position, solid.quaternion,
                               material=-1 if soft else self._materials.get(solid.look, -1))

    def _add_bodies(self, scene: Scene, poses: np.ndarray, broken: int | None) -> None:
        """What physics moves, and a pane until it breaks."""
        ray, soft = _ray(scene), scene.setting.style == "clay"
        if scene.breaks is not None:
            shown = np.arange(len(poses)) < (len(poses) if broken is None else broken)
            for solid in scene.props[scene.breaks].solids:
                pose = np.array([*solid.position, *solid.quaternion])
                self._solids.move(solid.part, np.where(shown[:, None], np.array(solid.size), 0.0),
                                  np.repeat(pose[None], len(poses), axis=0))
        whole = len(scene.bodies) - scene.pieces
        for i, body in enumerate(scene.bodies):
            there = np.ones(len(poses), bool) if i < whole else np.arange(len(poses)) >= (
                len(poses) if broken is None else broken)
            for part, size, offset, material in self._looks(body):
                self._solids.move(clay(part) if soft else part, np.where(there[:, None], np.array(size), 0.0),
                                  poses[:, i], offset, material=-1 if soft else material)
            if i < whole:
                places, radii, alphas = _shadow(body, poses[:, i], ray, scene.ground_m)
                rings = slice(None) if whole <= _FEW else slice(1, 2)
                self._solids.shade((places[:, rings], radii[:, rings], alphas * (1 if whole <= _FEW else 2)))

    def _looks(self, body: Body) -> list[tuple[Part, tuple[float, ...], np.ndarray | None, int]]:
        """Part, size, offset in the body, and number of the material, of all that is drawn of a body."""
        if body.solids:
            return [(solid.part, solid.size, np.array([*solid.position, *solid.quaternion]),
                     self._materials.get(solid.look, -1)) for solid in body.solids]
        record = body.record
        part = body_part(record)
        size = record.half_m or (record.radius_m,) * 3
        shape = "ball" if record.kind == "ball" else "box"
        return [(part, size, None, self._materials[f"{shape}_{record.material}"])]

    def _add_figures(self, scene: Scene, numbers: list[int]) -> None:
        known: dict[int, int] = {}
        soft, ray = scene.setting.style == "clay", _ray(scene)
        for figure in scene.figures:
            for i, part in enumerate(figure.parts):
                self._solids.move(clay(part) if soft else part, figure.sizes[numbers, i], figure.poses[numbers, i],
                                  material=self._skin(part, known))
            height = figure.centre[numbers, 2] - figure.centre[numbers, 3]
            for k in range(figure.shades.shape[1]):
                spot = figure.shades[numbers, k]
                lift = np.maximum(height - spot[:, 2], 0.0)
                shift = -ray[:2] / ray[2] * lift[:, None]
                self._solids.shade(_rings(spot[:, :2] + shift, spot[:, 2], spot[:, 3], 0.5 * lift))

    def _add_water(self, scene: Scene, motion: Motion | None, numbers: list[int]) -> np.ndarray | None:
        """Water with its drops; the surface's shape in each frame as shares of its highest wave, or None."""
        water = scene.water
        if water is None or motion is None:
            return None
        low = water.level_m - _HIGHEST_WAVE_M
        self._model.hfield_size[0] = (*water.half_m, 2 * _HIGHEST_WAVE_M, low - water.bottom_m)
        self._solids.add(clay(_WATER) if scene.setting.style == "clay" else _WATER, (1.0, 1.0, 1.0), (0.0, 0.0, low))
        places, radii = drops(scene, motion)
        for path, radius in zip(places, radii, strict=True):
            poses = np.concatenate([path, np.tile((1.0, 0.0, 0.0, 0.0), (len(path), 1))], axis=1)
            self._solids.move(_DROP, radius[numbers, None], poses[numbers])
        heights = surface(scene, motion)[numbers]
        return 0.5 + 0.5 * np.clip(heights / _HIGHEST_WAVE_M, -1, 1)

    def _skin(self, part: Part, known: dict[int, int]) -> int:
        """Number of the material that shows a part's own texture; uploaded once a clip."""
        if part.texture is None:
            return -1
        if id(part.texture) not in known and len(known) < _SKINS:
            slot = known[id(part.texture)] = len(known)
            number = self._model.texture(f"skin{slot}").id
            self._set_texture(number, textures.skin(part.texture))
            mujoco.mjr_uploadTexture(self._model, self._context, number)
        slot = known.get(id(part.texture))
        return -1 if slot is None else self._materials[f"skin{slot}"]

    def _rectangles(self, view: View, spheres: np.ndarray) -> np.ndarray:
        """Pixels (left, top, right, bottom) that hold all spheres (F, n, 4) of each frame, (F, 4) int.

        A sphere is its place and radius; one of radius 0 isn't there.
        """
        if not spheres.shape[1]:
            return np.zeros((len(spheres), 4), int)
        there = spheres[..., 3] > 0
        depth = (spheres[..., :3] - view.position) @ view.rotation[:, 2]
        x, y, radius, _ = np.moveaxis(view.project(spheres[..., :3], spheres[..., 3]), -1, 0)
        # A sphere off the axis is drawn as an ellipse that is longer than its radius says.
        reach = 1.25 * radius + 4 / self.height
        across = reach * self.height / self.width
        low, high = (np.stack([np.where(there, sign * x + across, -np.inf).max(1),
                               np.where(there, sign * y + reach, -np.inf).max(1)], axis=1) for sign in (-1, 1))
        size = np.array([self.width, self.height])
        found = np.concatenate([np.floor(np.clip((1 - low) * size / 2, 0, size)),
                                np.ceil(np.clip((high + 1) * size / 2, 0, size))], axis=1).astype(int)
        found[(there & (depth > -spheres[..., 3] - _NEAR_M)).any(1)] = 0, 0, self.width, self.height
        return found


def body_part(record: ObjectRecord) -> Part:
    """How a body without solids of its own looks."""
    look, colour = MATERIALS[record.material], np.array(COLOURS[record.colour])
    shape = {"ball": "sphere", "can": "cylinder", "pill": "capsule"}.get(record.kind, "box")
    return Part(shape, tuple(colour + look.pale * (1 - colour)), specular=look.specular, shininess=look.shininess,
                alpha=look.alpha)


def _widest(view: View, depth_m: float) -> float:
    """How far aside, in metres, a camera sees a backdrop that stands at y = `depth_m`."""
    positions, rotations = (view.position[None], view.rotation[None]) if view.path is None else (
        view.path.positions, view.path.rotations)
    aside = math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2) * view.width / view.height
    edges = np.concatenate([-rotations[:, :, 2] + side * aside * rotations[:, :, 0] for side in (-1, 1)])
    starts = np.concatenate([positions, positions])
    reach = (depth_m - starts[:, 1]) / np.maximum(edges[:, 1], 0.05)
    return float(np.abs(starts[:, 0] + reach * edges[:, 0]).max())


def _ray(scene: Scene) -> np.ndarray:
    """(3,) the way of the lamp's light."""
    turn, tilt = scene.setting.light_jitter
    ray = np.array(LIGHTS[scene.setting.light].direction) + (turn, tilt, 0.0)
    return ray / np.linalg.norm(ray)


def _shadow(body: Body, poses: np.ndarray, ray: np.ndarray, ground: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Discs where the lamp throws a body's shadow: places (F, rings, 3), radii (F, rings), opacities (F,)."""
    record = body.record
    half = record.half_m or (record.radius_m,) * 3
    radius = record.radius_m if record.kind == "ball" else 1.16 * sorted(half)[1]
    lowest = record.radius_m if record.half_m is None else min(half)
    height = np.maximum(poses[:, 2] - lowest - ground, 0.0)
    place = poses[:, :2] - ray[:2] / ray[2] * (height + 0.35 * radius)[:, None]
    return _rings(place, ground, np.full(len(poses), radius), height)


def _rings(place: np.ndarray, ground: np.ndarray | float, radius: np.ndarray,
           height: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Discs (F, rings) of a soft shadow: wider and fainter with the height of what throws it."""
    rings = np.array(_RINGS)
    sizes = radius[:, None] * rings + 0.35 * height[:, None] * (rings - 0.8)
    places = np.empty((len(place), len(rings), 3))
    places[:, :, :2] = place[:, None]
    places[:, :, 2] = np.asarray(ground)[..., None] + 0.003 + 0.0025 * np.arange(len(rings))
    return places, np.maximum(sizes, 0.0), _SHADE / (1 + 0.9 * height)
